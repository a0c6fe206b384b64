// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many requests at a time over one connection, told apart by their IDs
 * (RFC 7766 6.2.1.1), and the connection made anew when it is lost.
 */
#include "upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/message.h"
#include "client.h"

#define BUCKETS			1024
#define BACKOFF_FIRST_MS	50
#define BACKOFF_LAST_MS		2000
#define CONNECT_MS		5000
#define WORKED_MS		1000	/* of being open, if nothing came */
#define ACCURACY_US		1000
#define WHY_SIZE		160

struct request {
	struct request *next_id;	/* with the same hash */
	struct request *prev, *next;	/* in the order in which they were sent */
	uint64_t cookie, since;
	uint64_t offset;		/* of its first octet on the connection */
	unsigned int era;		/* which connection */
	uint16_t id;
};

enum upstream_state { WAITING, CONNECTING, UP };

struct upstream {
	sd_event *event;
	sd_event_source *timer;
	struct client *client;
	const struct upstream_ops *ops;
	void *arg;
	enum upstream_state state;
	bool patient;			/* requests may wait for this attempt */
	bool told_up, told_down;
	bool reset;			/* asked for; done from the loop */
	uint64_t since;			/* of @state, ms */
	unsigned int backoff;		/* ms until the next attempt */
	unsigned int timeout;
	uint64_t heard;			/* when the last octets came */
	uint16_t next_id;
	unsigned int n, era;
	struct request *first, *last;
	struct request *by_id[BUCKETS];
	bool *freed;
	char why[WHY_SIZE];
};

static uint64_t now_ms(const struct upstream *u)
{
	uint64_t us = 0;

	sd_event_now(u->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

static struct request **find(struct upstream *u, uint16_t id)
{
	struct request **at = &u->by_id[id % BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next_id;
	return at;
}

/* Takes it out of everything. */
static void take_out(struct upstream *u, struct request *r)
{
	struct request **at = find(u, r->id);

	*at = r->next_id;
	if (r->prev)
		r->prev->next = r->next;
	else
		u->first = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		u->last = r->prev;
	u->n--;
}

static void arm(struct upstream *u)
{
	uint64_t at = UINT64_MAX;

	if (u->reset)
		at = 0;
	else if (u->state == WAITING)
		at = u->since + u->backoff;
	else if (u->state == CONNECTING)
		at = u->since + CONNECT_MS;
	if (u->first && u->first->since + u->timeout < at)
		at = u->first->since + u->timeout;

	if (at == UINT64_MAX) {
		sd_event_source_set_enabled(u->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(u->timer, at * 1000);
	sd_event_source_set_enabled(u->timer, SD_EVENT_ONESHOT);
}

static void go(struct upstream *u, enum upstream_state state)
{
	u->state = state;
	u->since = now_ms(u);
}

/* Ends the request. False: @u was freed meanwhile. */
static bool fail(struct upstream *u, struct request *r, enum upstream_failure how,
		 const char *why)
{
	uint64_t cookie = r->cookie;
	bool freed = false;

	take_out(u, r);
	free(r);
	u->freed = &freed;
	u->ops->failed(u->arg, cookie, how, why);
	if (freed)
		return false;
	u->freed = NULL;
	return true;
}

/* What was not told yet. False: @u was freed meanwhile. */
static bool tell_state(struct upstream *u, bool up)
{
	bool freed = false;

	if (up ? u->told_up : u->told_down)
		return true;
	u->told_up = up;
	u->told_down = !up;
	if (!u->ops->state)
		return true;
	u->freed = &freed;
	u->ops->state(u->arg, up, u->why);
	if (freed)
		return false;
	u->freed = NULL;
	return true;
}

/*
 * There is no connection now. @worked: there was one, of use; then the next one is
 * tried at once, and who comes meanwhile waits for it.
 */
static bool lost(struct upstream *u, const char *reason, bool worked)
{
	/* Some of it may have gone out and failed before on_open() could say so. */
	uint64_t sent = u->state == WAITING ? 0 : client_sent(u->client);
	unsigned int era = u->era++;
	/*
	 * Servers end connections that nobody has used for a while: no news, unless the next
	 * one, which is tried at once (else nobody would know when the server is gone), fails.
	 */
	bool idle = worked && !u->n && client_was_ended(u->client);
	char why[WHY_SIZE];

	client_close(u->client);
	snprintf(why, sizeof(why), "%s", reason);
	snprintf(u->why, sizeof(u->why), "%s", reason);
	if (worked)
		u->backoff = 0;
	else if (!u->backoff)
		u->backoff = BACKOFF_FIRST_MS;
	else if (u->backoff < BACKOFF_LAST_MS)
		u->backoff = 2 * u->backoff < BACKOFF_LAST_MS ? 2 * u->backoff : BACKOFF_LAST_MS;
	u->patient = worked;
	go(u, WAITING);
	arm(u);

	if (!idle && !tell_state(u, false))
		return false;
	/* Not those that are sent from within: they wait for the next connection. */
	while (u->first && u->first->era == era) {
		bool out = u->first->offset < sent;

		if (!fail(u, u->first, out ? UPSTREAM_LOST : UPSTREAM_NOT_SENT, why))
			return false;
	}
	return true;
}

static void on_open(void *arg)
{
	struct upstream *u = arg;

	go(u, UP);
	u->heard = u->since;
	u->why[0] = '\0';
	arm(u);
	tell_state(u, true);
}

static void on_message(void *arg, uint8_t *msg, size_t len)
{
	struct upstream *u = arg;
	struct request *r;
	uint64_t cookie;

	u->heard = now_ms(u);
	/* It works: the next attempt begins anew. */
	u->backoff = 0;
	if (len < DNS_HEADER || !(dns_flags(msg) & DNS_QR))
		return;
	r = *find(u, dns_id(msg));
	/* Unknown: one that we gave up. */
	if (!r)
		return;
	cookie = r->cookie;
	take_out(u, r);
	free(r);
	u->ops->response(u->arg, cookie, msg, len);
}

static void on_down(void *arg, const char *why)
{
	struct upstream *u = arg;
	bool worked = u->state == UP && (client_received(u->client) ||
					 now_ms(u) - u->since >= WORKED_MS);

	lost(u, why, worked);
}

static void attempt(struct upstream *u)
{
	int err = client_connect(u->client);

	if (err) {
		lost(u, strerror(-err), false);
		return;
	}
	go(u, CONNECTING);
	arm(u);
}

/* Requests without an answer; false: @u was freed. */
static bool expire(struct upstream *u, uint64_t now)
{
	while (u->first && u->first->since + u->timeout <= now) {
		struct request *r = u->first;
		bool deaf = u->state == UP && u->heard <= r->since;

		/* It must not go out after it was said that it did not. */
		if (u->state != UP || r->offset >= client_sent(u->client))
			return lost(u, "it does not answer", u->state == UP);
		if (!fail(u, r, UPSTREAM_TIMEOUT, "it did not answer in time"))
			return false;
		/* Not a word since: this connection will not bring any. */
		if (deaf && u->state == UP)
			return lost(u, "it does not answer", true);
	}
	return true;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	struct upstream *u = arg;
	uint64_t now = now_ms(u);

	(void)source;
	(void)usec;
	if (u->reset) {
		u->reset = false;
		if (u->state == UP && !lost(u, "the connection was given up", true))
			return 0;
	}
	if (!expire(u, now))
		return 0;
	if (u->state == CONNECTING && now >= u->since + CONNECT_MS) {
		if (!lost(u, "it does not answer", false))
			return 0;
	} else if (u->state == WAITING && now >= u->since + u->backoff) {
		attempt(u);
		return 0;
	}
	arm(u);
	return 0;
}

struct upstream *upstream_new(sd_event *event, const struct net_addr *addr,
			      const struct upstream_ops *ops, void *arg)
{
	static const struct client_ops client_ops = { on_open, on_message, on_down };
	struct upstream *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->event = sd_event_ref(event);
	u->ops = ops;
	u->arg = arg;
	u->timeout = UPSTREAM_TIMEOUT_MS;
	u->patient = true;
	snprintf(u->why, sizeof(u->why), "not connected yet");
	u->client = client_new(event, addr, &client_ops, u);
	if (!u->client || sd_event_add_time(event, &u->timer, CLOCK_MONOTONIC, 0, ACCURACY_US,
					    on_timer, u) < 0) {
		upstream_free(u);
		return NULL;
	}
	go(u, WAITING);
	arm(u);
	return u;
}

void upstream_free(struct upstream *u)
{
	if (!u)
		return;
	if (u->freed)
		*u->freed = true;
	client_free(u->client);
	sd_event_source_disable_unref(u->timer);
	while (u->first) {
		struct request *r = u->first;

		take_out(u, r);
		free(r);
	}
	sd_event_unref(u->event);
	free(u);
}

void upstream_set_timeout(struct upstream *u, unsigned int ms)
{
	u->timeout = ms;
	arm(u);
}

void upstream_reset(struct upstream *u)
{
	if (u->state != UP)
		return;
	u->reset = true;
	arm(u);
}

/* Kept for the connection that is on its way: sent when it is there. */
static int hand_over(struct upstream *u, const uint8_t *msg, size_t len)
{
	if (!client_is_alive(u->client)) {
		int err = client_connect(u->client);

		if (err)
			return -ENOTCONN;
		go(u, CONNECTING);
	}
	return client_write(u->client, msg, len);
}

int upstream_send(struct upstream *u, uint8_t *msg, size_t len, uint64_t cookie)
{
	struct request *r, **at;
	int err;

	if (len < DNS_HEADER || len > UINT16_MAX)
		return -EMSGSIZE;
	if (u->n >= UPSTREAM_OUTSTANDING)
		return -EBUSY;
	if (u->state != UP && !u->patient)
		return -ENOTCONN;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;

	/* In turn, so that the late answer to one given up meets no newer one. */
	do
		r->id = u->next_id++;
	while (*find(u, r->id));
	dns_put16(msg, r->id);
	err = hand_over(u, msg, len);
	if (err) {
		free(r);
		return err;
	}
	r->offset = client_taken(u->client) - 2 - len;
	r->cookie = cookie;
	r->era = u->era;
	r->since = now_ms(u);

	at = find(u, r->id);
	r->next_id = *at;
	*at = r;
	r->prev = u->last;
	if (u->last)
		u->last->next = r;
	else
		u->first = r;
	u->last = r;
	if (!u->n++ || u->state != UP)
		arm(u);
	return 0;
}

void upstream_cancel(struct upstream *u, uint64_t cookie)
{
	struct request *r, *next;

	for (r = u->first; r; r = next) {
		next = r->next;
		if (r->cookie != cookie)
			continue;
		take_out(u, r);
		free(r);
	}
}

bool upstream_is_up(const struct upstream *u)
{
	return u->state == UP;
}

const char *upstream_why(const struct upstream *u)
{
	return u->why;
}

unsigned int upstream_outstanding(const struct upstream *u)
{
	return u->n;
}
