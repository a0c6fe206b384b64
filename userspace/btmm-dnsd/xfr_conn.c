// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Zone transfers: one at a time over a connection that is kept, since an IXFR
 * follows every update and ought not to wait for a handshake.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/message.h"
#include "client.h"
#include "upstream.h"

#define IDLE_MS		10000
#define ACCURACY_US	10000

struct xfr_conn {
	sd_event *event;
	sd_event_source *timer;
	struct client *client;
	const struct xfr_ops *ops;
	void *arg;
	uint8_t *request;	/* while it runs */
	size_t len;
	unsigned int idle_ms, turn;	/* @turn counts requests */
	bool running, answered;
	bool kept;		/* goes over a connection of before */
	bool *freed;
};

static void arm(struct xfr_conn *x)
{
	uint64_t us = 0;

	sd_event_now(x->event, CLOCK_MONOTONIC, &us);
	sd_event_source_set_time(x->timer, us + (uint64_t)x->idle_ms * 1000);
	sd_event_source_set_enabled(x->timer, SD_EVENT_ONESHOT);
}

static void finish(struct xfr_conn *x)
{
	x->running = false;
	free(x->request);
	x->request = NULL;
	sd_event_source_set_enabled(x->timer, SD_EVENT_OFF);
}

static void fail(struct xfr_conn *x, const char *why)
{
	client_close(x->client);
	finish(x);
	x->ops->failed(x->arg, why);
}

static int start(struct xfr_conn *x)
{
	int err = 0;

	x->kept = client_is_open(x->client);
	if (!client_is_alive(x->client))
		err = client_connect(x->client);
	return err ? err : client_write(x->client, x->request, x->len);
}

static void on_open(void *arg)
{
	struct xfr_conn *x = arg;

	arm(x);
}

static void on_message(void *arg, uint8_t *msg, size_t len)
{
	struct xfr_conn *x = arg;
	unsigned int this_turn = x->turn;
	bool freed = false, more;

	/* More than was asked for: the next answer could not be told from it. */
	if (!x->running) {
		client_close(x->client);
		return;
	}
	if (len < DNS_HEADER || dns_id(msg) != dns_id(x->request) || !(dns_flags(msg) & DNS_QR)) {
		fail(x, "it sent what is no answer to the request");
		return;
	}
	x->answered = true;
	arm(x);

	x->freed = &freed;
	more = x->ops->message(x->arg, msg, len);
	if (freed)
		return;
	x->freed = NULL;
	if (!more && x->running && x->turn == this_turn)
		finish(x);
}

static void on_down(void *arg, const char *why)
{
	struct xfr_conn *x = arg;

	/* Closed while nobody used it; or just then, which says nothing of the primary. */
	if (!x->running)
		return;
	if (x->kept && !x->answered && !start(x)) {
		arm(x);
		return;
	}
	fail(x, why);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	fail(arg, "it does not answer");
	return 0;
}

struct xfr_conn *xfr_conn_new(sd_event *event, const struct net_addr *addr,
			      const struct xfr_ops *ops, void *arg, unsigned int idle_ms)
{
	static const struct client_ops client_ops = { on_open, on_message, on_down };
	struct xfr_conn *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->event = sd_event_ref(event);
	x->ops = ops;
	x->arg = arg;
	x->idle_ms = idle_ms ? idle_ms : IDLE_MS;
	x->client = client_new(event, addr, &client_ops, x);
	if (!x->client || sd_event_add_time(event, &x->timer, CLOCK_MONOTONIC, 0, ACCURACY_US,
					    on_timer, x) < 0) {
		xfr_conn_free(x);
		return NULL;
	}
	sd_event_source_set_enabled(x->timer, SD_EVENT_OFF);
	return x;
}

void xfr_conn_free(struct xfr_conn *x)
{
	if (!x)
		return;
	if (x->freed)
		*x->freed = true;
	client_free(x->client);
	sd_event_source_disable_unref(x->timer);
	sd_event_unref(x->event);
	free(x->request);
	free(x);
}

int xfr_conn_request(struct xfr_conn *x, const uint8_t *msg, size_t len)
{
	uint8_t *copy;
	int err;

	/* Within the callback that ends the last one, that one is over. */
	if (x->running && !x->freed)
		return -EBUSY;
	if (len < DNS_HEADER || len > UINT16_MAX)
		return -EMSGSIZE;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, msg, len);
	free(x->request);
	x->request = copy;
	x->len = len;
	x->running = true;
	x->answered = false;
	x->turn++;

	err = start(x);
	if (err) {
		finish(x);
		return err;
	}
	arm(x);
	return 0;
}

void xfr_conn_abort(struct xfr_conn *x)
{
	if (!x->running)
		return;
	client_close(x->client);
	finish(x);
}

bool xfr_conn_busy(const struct xfr_conn *x)
{
	return x->running;
}
