/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP to a primary: a connection that stays, for forwarded updates and queries,
 * many at a time; and one for zone transfers.
 */
#ifndef BTMM_DNSD_UPSTREAM_H
#define BTMM_DNSD_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "net.h"

#define UPSTREAM_TIMEOUT_MS	5000
#define UPSTREAM_OUTSTANDING	8192	/* requests at a time */

enum upstream_failure {
	UPSTREAM_NOT_SENT,	/* no octet of it went out: it cannot have been applied */
	UPSTREAM_LOST,		/* the connection ended: nobody knows */
	UPSTREAM_TIMEOUT,	/* no answer in time: nobody knows */
};

struct upstream_ops {
	/* @msg, with the ID it was sent under, is valid (and may be changed) during the
	 * call.
	 */
	void (*response)(void *arg, uint64_t cookie, uint8_t *msg, size_t len);
	/* The other way in which a request ends; @why is a sentence without full stop. */
	void (*failed)(void *arg, uint64_t cookie, enum upstream_failure how, const char *why);
	/*
	 * Came up, or went down and why. May be NULL. Nothing is said of a server that ends a
	 * connection without requests, as all do in time, if the next one is made at once.
	 */
	void (*state)(void *arg, bool up, const char *why);
};

struct upstream;

/*
 * Connects at once, and again whenever the connection is lost: immediately after
 * one that worked, else after 50 ms, doubling to 2 s. Ops are called from the
 * event loop only, never from within a function here. NULL: no memory.
 */
struct upstream *upstream_new(sd_event *event, const struct net_addr *addr,
			      const struct upstream_ops *ops, void *arg);
/* Calls nothing: outstanding requests are forgotten. */
void upstream_free(struct upstream *u);

/* Milliseconds that a request waits for its response. */
void upstream_set_timeout(struct upstream *u, unsigned int ms);

/*
 * Sends @msg under a fresh ID, which is written into it (a TSIG stays valid: its
 * original ID is what is signed). Then exactly one of response() and failed()
 * comes for it. During the first attempt to connect, or to connect again after a
 * connection that worked, requests wait for its outcome.
 *
 * Return: 0; -ENOTCONN (down: upstream_why() says why), -EBUSY (too many
 * outstanding), -EMSGSIZE or -ENOMEM, and then neither callback comes.
 */
int upstream_send(struct upstream *u, uint8_t *msg, size_t len, uint64_t cookie);
/* Forget all requests with @cookie: no callback comes for them. */
void upstream_cancel(struct upstream *u, uint64_t cookie);

/* Gives the connection up, if there is one, and makes another: what is outstanding
 * fails (from the loop) as if it had been lost.
 */
void upstream_reset(struct upstream *u);

bool upstream_is_up(const struct upstream *u);
/* Why it is down; "" when it is up. */
const char *upstream_why(const struct upstream *u);
unsigned int upstream_outstanding(const struct upstream *u);

/*
 * A zone transfer: one request, any number of messages in answer. The connection
 * is kept for the next one; when the primary has closed it meanwhile, the next
 * request connects again by itself.
 */
struct xfr_ops {
	/*
	 * One message of the answer (its ID is the request's), valid (and may be
	 * changed) during the call. Return true for more, false when this was the last.
	 * To stop before the last, xfr_conn_abort().
	 */
	bool (*message)(void *arg, uint8_t *msg, size_t len);
	/* Not to be had: refused, lost, no octet for the time-out, wrong ID. */
	void (*failed)(void *arg, const char *why);
};

struct xfr_conn;

/* Opens nothing yet. @idle_ms: longest wait for an octet; 0: 10 s. */
struct xfr_conn *xfr_conn_new(sd_event *event, const struct net_addr *addr,
			      const struct xfr_ops *ops, void *arg, unsigned int idle_ms);
void xfr_conn_free(struct xfr_conn *x);

/* Sends @msg (copied) as it is, its ID included; connects if there is no
 * connection. -EBUSY while another one runs; -EMSGSIZE, -ENOMEM, or what connect(2)
 * says at once: then no callback comes. May be called from within message() instead
 * of returning false (what it returns is ignored then), and from failed().
 */
int xfr_conn_request(struct xfr_conn *x, const uint8_t *msg, size_t len);
/* Ends the one that runs, if any, and the connection. No callback comes. */
void xfr_conn_abort(struct xfr_conn *x);
bool xfr_conn_busy(const struct xfr_conn *x);

#endif
