/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the transport. One epoll of its own holds every socket and is itself
 * one source of sd-event: that costs an idle stream nothing but its structure, and
 * many ready sockets one turn of the loop instead of one each.
 *
 * Time-outs: there are but two lengths, so two lists in the order of their
 * beginnings are always sorted, and one timer serves them.
 *
 * Ownership: a stream is in the table (by its number), in at most one wait list and
 * maybe in the ready list. stream_cut() takes it out of the table and puts it on
 * the list of the dead; only transport_reap() frees it and tells closed(), never in
 * the middle of something: so whoever holds a stream may go on and looks at ->dead.
 */
#ifndef BTMM_DNSD_TRANSPORT_INT_H
#define BTMM_DNSD_TRANSPORT_INT_H

#include <openssl/ssl.h>

#include "transport.h"

#define STREAM_MESSAGE_MAX	(2 + 65535)
#define STREAM_SLOT_BITS	20		/* of a stream's number; the rest counts up */
#define STREAM_FLUSH		16384		/* answers gathered while requests are read */
#define STREAM_SHARE		8192		/* of one stream when buffers run short */
#define BUFFERED_DEFAULT	((size_t)64 << 20)
#define ACCEPT_PAUSE_MS		250
#define EVICT_AGE_MS		1000		/* younger streams are not cut to make room */
#define EPOLL_BATCH		64
#define READ_SIZE		65536
#define UDP_BATCH		64
#define UDP_IN_SIZE		4096
#define UDP_OUT_ARENA		65536

enum watch_kind { WATCH_UDP, WATCH_ACCEPT, WATCH_STREAM };

/* What epoll points to: the first member of a listener or a stream. */
struct watch {
	enum watch_kind kind;
	int fd;
	uint32_t events;	/* asked for at present */
};

struct listener {
	struct watch watch;
	struct transport *t;
	enum transport_kind kind;
	int index;
	sa_family_t family;
	struct net_addr addr;
};

/* What a stream is cut for unless it happens in time. */
enum stream_wait {
	WAIT_NONE,
	WAIT_MESSAGE,	/* the next one: idle_ms */
	WAIT_HANDSHAKE,	/* this and the others: handshake_ms */
	WAIT_REST,	/* of a message that has begun */
	WAIT_DRAIN,	/* that some of the queue could be written */
	WAIT_END,	/* that the other side closes, too, or last answers */
};

struct stream {
	struct watch watch;
	enum stream_wait wait;
	struct stream *prev, *next;	/* in the list of @wait, then of the dead */
	struct stream *ready_next;
	struct transport *t;
	struct peer *from;
	SSL *ssl;			/* made when the first octets come */
	uint64_t number;
	uint64_t since;			/* ms, of @wait */
	struct net_addr peer, local;
	uint8_t *in, *out;
	uint32_t in_len, in_size;
	uint32_t out_pos, out_len, out_size;	/* out_len: octets behind out_pos */
	int32_t owed;			/* messages that came, less those sent */
	uint16_t listener;
	uint16_t hello;			/* octets of a TLS client's first record; 0: unknown */
	enum transport_kind kind : 8;
	bool dead : 1;
	bool handshaken : 1;
	bool told : 1;			/* a message was handed up */
	bool held : 1;
	bool feeding : 1;		/* messages are being handed up */
	bool paused : 1;		/* not read before the queue is shorter */
	bool eof : 1;			/* the other side sends no more */
	bool closing : 1;		/* our side is to end when the queue is empty */
	bool ended : 1;			/* ... has ended */
	bool want_out : 1;		/* TLS has to write before anything else */
	bool in_ready : 1;
	bool reset : 1;			/* when it is closed */
};

struct wait_list {
	struct stream *first, *last;
};

struct peer;
struct peers;
struct udp_io;

struct transport {
	sd_event *event;
	const struct transport_ops *ops;
	void *arg;
	struct transport_limits limits;
	struct transport_stats stats;

	int epoll;
	sd_event_source *io, *timer, *later;
	uint64_t timer_ms;		/* when it is set for; 0: not */

	struct listener **listeners;
	int n_listeners;
	uint64_t accept_at;		/* ms; 0: not paused */

	struct stream **slots;		/* by the low bits of the number */
	uint32_t *free_slots;
	uint32_t n_slots, n_free;
	uint64_t sequence;
	struct peers *peers;
	struct wait_list idle, slow;
	struct stream *dead, *ready;
	SSL_CTX *tls;

	struct udp_io *udp;
	unsigned int corked;
	uint8_t *read_buf;		/* READ_SIZE, of whatever is read now */
	uint8_t *write_buf;		/* STREAM_MESSAGE_MAX: length and message together */
};

/* transport.c */
uint64_t transport_now(const struct transport *t);
/* Run transport_reap() and the ready streams soon, from the loop. */
void transport_later(struct transport *t);
int watch_add(struct transport *t, struct watch *w, uint32_t events);
void watch_set(struct transport *t, struct watch *w, uint32_t events);

/* listener.c */
int listener_open(struct transport *t, enum transport_kind kind, const struct net_addr *addr,
		  int fd);
void listener_free(struct listener *l);
void listener_accept(struct listener *l);
void listener_pause_all(struct transport *t);
void listener_resume_all(struct transport *t);

/* peers.c: how many streams each address has */
struct peers *peers_new(void);
void peers_free(struct peers *p);
/* NULL: at @limit, or no memory. */
struct peer *peers_take(struct peers *p, const struct net_addr *addr, unsigned int limit);
void peers_drop(struct peers *p, struct peer *who);

/* udp.c */
struct udp_io *udp_new(void);
int udp_setup(int fd, sa_family_t family);
void udp_readable(struct listener *l);
int udp_send(struct transport *t, const struct origin *to, const uint8_t *msg, size_t len);
void udp_flush(struct transport *t);

/* waits.c */
/* @again: begin anew although it waits for that already. */
void wait_for(struct stream *s, enum stream_wait what, bool again);
void waits_expire(struct transport *t);
/* Cuts who has waited longest; false when nobody is old enough. */
bool waits_evict(struct transport *t);
void waits_arm(struct transport *t);

/* stream.c */
/* Takes @fd. */
void stream_open(struct listener *l, int fd, const struct net_addr *peer);
struct stream *stream_find(const struct transport *t, uint64_t number);
void stream_cut(struct stream *s);
void stream_free(struct stream *s);
void stream_event(struct stream *s, uint32_t events);
/* What it waits for now and what epoll is to tell, from its state. */
void stream_update(struct stream *s, bool progress);

/* stream_in.c */
void stream_readable(struct stream *s);
/* To be read again soon, without epoll's word. */
void stream_ready(struct stream *s);

/* stream_out.c */
int stream_send(struct stream *s, const uint8_t *msg, size_t len);
/* Writes what is queued, as far as it goes; false: the stream is dead now. */
bool stream_flush(struct stream *s);
void stream_close(struct stream *s);

/* tls.c: 0 octets for an end, negative errno, -EAGAIN when it has to wait */
int tls_begin(struct stream *s);
int tls_handshake(struct stream *s);
ssize_t tls_read(struct stream *s, uint8_t *buf, size_t size);
ssize_t tls_write(struct stream *s, const uint8_t *buf, size_t len);
void tls_bye(struct stream *s);

#endif
