/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets: UDP, TCP and TLS listeners, streams with their framing, limits and
 * time-outs. Knows nothing of DNS but the two-octet length in front of a
 * message on a stream.
 */
#ifndef BTMM_DNSD_TRANSPORT_H
#define BTMM_DNSD_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "net.h"

enum transport_kind { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS };

/* Where a message came from, and so where its answer goes. A plain value. */
struct origin {
	enum transport_kind kind;
	struct net_addr peer;
	struct net_addr local;	/* the address that was asked */
	int listener;		/* index, UDP */
	uint64_t stream;	/* TCP, TLS: its number, never used twice; else 0 */
};

struct transport;

/* Neither is called from within a function of this header. */
struct transport_ops {
	/* A whole message; @msg is valid (and may be changed) during the call. */
	void (*message)(void *arg, const struct origin *from, uint8_t *msg, size_t len);
	/* A stream from which a message came is gone; once for each. */
	void (*closed)(void *arg, uint64_t stream);
};

struct transport_limits {
	unsigned int streams;		/* at a time, all kinds */
	unsigned int streams_per_peer;	/* of one address (IPv6: /64) */
	unsigned int idle_ms;		/* without a message and not held */
	unsigned int handshake_ms;	/* TLS; also for a message once begun */
	size_t out_queue;		/* octets waiting for one stream, then it is cut */
	/* Octets of unfinished messages and waiting answers of all streams together,
	 * 0: 64 MiB. Beyond it, streams that want more than their small share are cut.
	 */
	size_t buffered;
};

struct transport *transport_new(sd_event *event, const struct transport_ops *ops, void *arg,
				const struct transport_limits *limits);
/* Closes everything; calls nothing. */
void transport_free(struct transport *t);

/* For the streams that come from now on (idle_ms, handshake_ms: for all). */
void transport_set_limits(struct transport *t, const struct transport_limits *limits);

/* One listener. @fd >= 0: a bound (and, for streams, listening) socket that
 * systemd handed over, owned by the transport from here; else one is made for
 * @addr. Returns 0 or negative errno (then @fd is closed).
 */
int transport_listen(struct transport *t, enum transport_kind kind,
		     const struct net_addr *addr, int fd);
/* Listeners are numbered from 0 as they were added. */
int transport_listeners(const struct transport *t);
/* What the listener is bound to (port 0 was asked for: which it became). */
bool transport_listener_addr(const struct transport *t, int listener, struct net_addr *out);

/* The certificate and key (PEM files) of TLS listeners; again on reload: streams
 * that are open keep theirs. @why: a sentence when it fails; then what was there
 * stays. Until the first, TLS streams are refused. Returns 0 or negative errno.
 */
int transport_set_certificate(struct transport *t, const char *cert_file, const char *key_file,
			      char *why, size_t why_size);

/* Sends an answer or an event. UDP: from the address @to->local. A stream that
 * is gone, or that was cut because of this message: -ENOTCONN. -EMSGSIZE: over
 * 65535 octets, or none.
 */
int transport_send(struct transport *t, const struct origin *to, const uint8_t *msg, size_t len);
/*
 * Between the two, datagrams are gathered and go out in few system calls: for many
 * sends in a row. To be nested. What is sent from message() is gathered anyway.
 */
void transport_cork(struct transport *t);
void transport_uncork(struct transport *t);

/* A held stream is not cut for being idle (it carries subscriptions). */
void transport_hold(struct transport *t, uint64_t stream, bool hold);
/* After what is queued has been sent. No message comes from it any more. */
void transport_close(struct transport *t, uint64_t stream);
/* At once; with a reset, so that the client notices. */
void transport_abort(struct transport *t, uint64_t stream);
/* RFC 9266-like binding: 32 octets of the TLS exporter; false without TLS, and in
 * TLS 1.2 without the extended master secret (where it would not be unique).
 */
bool transport_exporter(struct transport *t, uint64_t stream, const char *label,
			uint8_t out[32]);

struct transport_stats {
	uint64_t udp_in, udp_out, udp_dropped, tcp_in, tcp_out, tls_in, tls_out;
	/* Streams: over a limit; cut to make room; cut for slowness or idleness; for
	 * a full queue; TLS handshakes that failed; accept() out of descriptors.
	 */
	uint64_t refused, evicted, timed_out, overflowed, tls_failed, starved;
	unsigned int streams, tls_streams;
	size_t buffered;
};

void transport_stats(const struct transport *t, struct transport_stats *out);

#endif
