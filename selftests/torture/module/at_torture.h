/* SPDX-License-Identifier: GPL-2.0 */
/*
 * at-torture: packets that a tunnel device really met, spoilt in every way,
 * and given to it again many times a second.
 *
 *   capture.c  keeps real packets: the corpus
 *   mutate.c   spoils copies of them, in plain memory
 *   inject.c   makes socket buffers of odd layout and hands them in
 *   judge.c    looks at what leaves on the underlay meanwhile
 *   main.c     debugfs: /sys/kernel/debug/at-torture/
 *
 * It is driven by whoever writes to its files, and holds struct att's mutex
 * as long as that takes. Interrupts see what BH guards: the corpus while it is
 * captured, and counters.
 */
#ifndef _AT_TORTURE_H
#define _AT_TORTURE_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/prandom.h>
#include <linux/spinlock.h>

/* Longest packet that is kept, and longest that comes out of mutation. */
#define ATT_ENTRY_MAX	1600
#define ATT_PACKET_MAX	2048
#define ATT_CORPUS_MAX	64	/* packets of a kind */
#define ATT_BATCH_MAX	4	/* packets handed in at once */

/* What the test writes into all that must not leave as it is. */
#define ATT_CANARY	"BTMM-CLEARTEXT!!"
#define ATT_CANARY_LEN	(sizeof(ATT_CANARY) - 1)

/**
 * enum att_kind - kinds of packets of the corpus
 * @ATT_FRESH: outer ESP taken off the wire before the tunnel saw it: it is
 *	authentic once, in its original form only
 * @ATT_OUTER: outer packets that went on to the tunnel
 * @ATT_TX: IPv6 and ESP as XFRM gave it to the tunnel device
 * @ATT_CLEAR: IPv6 without protection
 */
enum att_kind {
	ATT_FRESH,
	ATT_OUTER,
	ATT_TX,
	ATT_CLEAR,
	ATT_KINDS
};

/**
 * struct att_entry - one packet of the corpus
 * @len: octets
 * @payload: where the UDP payload begins, or what follows the IPv6 header
 * @data: from the IP header on
 */
struct att_entry {
	u16 len;
	u16 payload;
	u8 data[ATT_ENTRY_MAX];
};

/**
 * struct att_packet - a packet that is being spoilt
 * @len: octets
 * @payload: as in struct att_entry
 * @kind: whose copy it is
 * @protocol: what the link layer says it is
 * @data: from the IP header on
 */
struct att_packet {
	unsigned int len;
	unsigned int payload;
	enum att_kind kind;
	__be16 protocol;
	u8 data[ATT_PACKET_MAX];
};

enum att_capture {
	ATT_CAPTURE_OFF,
	ATT_CAPTURE_COPY,	/* keep copies of what goes by */
	ATT_CAPTURE_STEAL,	/* ESP that comes in goes no further */
};

enum att_stat {
	ATT_INJECTED_RX,
	ATT_INJECTED_TX,
	ATT_ORIGINALS,
	ATT_OUT_ESP,		/* octets of ESP, IKE, keepalives: the tunnel's */
	ATT_OUT_IKE,
	ATT_OUT_KEEPALIVE,
	ATT_OUT_ANSWERS,	/* anything else that an IP stack answers */
	ATT_OUT_NOISE,		/* what timers and neighbours send */
	ATT_QUOTES,		/* ICMP errors that quote cleartext to its sender */
	ATT_LEAKS,		/* cleartext that left */
	ATT_EXCESS,		/* packets out above those that came in */
	ATT_CLONE_CHANGED,	/* somebody wrote into a copy he did not own */
	ATT_NO_MEMORY,
	ATT_STATS
};

/**
 * struct att - all there is of it
 * @lock: one user at a time
 * @net: network namespace of both devices; valid while they are held
 * @dev: the tunnel device, NULL while detached
 * @under: the underlay
 * @port: outer UDP port
 * @napi: as whose the outer packets come in
 * @polled: the batch has come in
 * @tap: sees what goes through the tunnel device while there is a capture
 * @capture: what is done with packets that go by
 * @running: packets are being handed in: what leaves is judged and swallowed
 * @corpus: packets by kind; read with @capture off
 * @n: how many there are
 * @scratch: a packet on its way into the corpus
 * @corpus_lock: guards the three before; BH
 * @rnd: where chance comes from
 * @batch_out: packets that left during this batch
 * @stats: counters
 */
struct att {
	struct mutex lock;	/* see above */
	struct net *net;
	struct net_device *dev;
	struct net_device *under;
	__be16 port;
	struct napi_struct napi;
	struct completion polled;
	struct packet_type tap;
	enum att_capture capture;
	bool running;
	struct att_entry *corpus[ATT_KINDS];
	unsigned int n[ATT_KINDS];
	u8 scratch[ATT_ENTRY_MAX] __aligned(4);
	spinlock_t corpus_lock;	/* see above */
	struct rnd_state rnd;
	atomic_t batch_out;
	atomic64_t stats[ATT_STATS];
};

static inline u32 att_rnd(struct att *t, u32 below)
{
	return prandom_u32_state(&t->rnd) % below;
}

static inline bool att_chance(struct att *t, u32 one_in)
{
	return !att_rnd(t, one_in);
}

static inline void att_stat(struct att *t, enum att_stat stat, long n)
{
	atomic64_add(n, &t->stats[stat]);
}

/* capture.c */
int att_capture_register(struct att *t);
void att_capture_unregister(struct att *t);
void att_capture_set(struct att *t, enum att_capture capture);

/* mutate.c */
void att_copy(struct att_packet *p, const struct att_entry *e,
	      enum att_kind kind);
void att_mutate_rx(struct att *t, struct att_packet *p, bool exact);
void att_mutate_tx(struct att *t, struct att_packet *p);

/* inject.c */
int att_inject_attach(struct att *t);
void att_inject_detach(struct att *t);
int att_inject_rx(struct att *t, unsigned long count, bool exact);
int att_inject_tx(struct att *t, unsigned long count, bool exact);
int att_inject_originals(struct att *t);

/* judge.c */
int att_judge_register(struct att *t);
void att_judge_unregister(struct att *t);
void att_judge_batch(struct att *t, unsigned int n);

#endif /* _AT_TORTURE_H */
