// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "../lib/dns/message.h"
#include "../lib/llq/draw.h"

#define NEVER		UINT64_MAX
#define PLACES		32

/* Where an update can be sent to. */
struct place {
	struct dns_place to;
	bool clear;
};

struct publisher {
	struct publisher_config config;
	uint8_t zone[DNAME_MAX];
	const struct publisher_ops *ops;
	void *arg;
	sd_event *event;
	sd_event_source *timer;
	struct lease_client *client;
	size_t records;

	struct dns_link *link;		/* NULL: there is none */
	struct place at;		/* of the last one */
	struct place places[PLACES];
	size_t n_places, next;		/* to be tried */
	uint64_t wait, retry_at;	/* after none of them would do */
	struct draw draw;
	bool probing;

	bool paused, stopping, told_stop;
	uint64_t stop_at;
	/* An update is out on this link; one was, on a link that broke. */
	bool out, broken;
	uint64_t idle_at;
	/* There will be something to say before then: a connection may as well be made. */
	uint64_t expect_until;
	uint64_t acknowledged;
	char why[PUBLISHER_WHY];	/* of links */
	struct publisher_status told;
	uint8_t msg[DNS_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void arm(struct publisher *p, uint64_t at)
{
	/* sd-event takes microseconds, and UINT64_MAX for never. */
	sd_event_source_set_time(p->timer, at > NEVER / 1000 ? NEVER : at * 1000);
	sd_event_source_set_enabled(p->timer, at == NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* In the event loop, as soon as it gets there. */
static void kick(struct publisher *p)
{
	arm(p, 0);
}

/* --- servers ----------------------------------------------------------------------- */

static void add_places(struct publisher *p, enum discover_service service, bool clear)
{
	const struct discover_server *s;
	size_t n, i, k;

	s = servers_get(p->config.servers, service, &n);
	for (i = 0; i < n; i++) {
		for (k = 0; k < s[i].n_addresses && p->n_places < PLACES; k++) {
			struct place *x = &p->places[p->n_places++];

			memcpy(&x->to.ip, s[i].addresses[k], sizeof(x->to.ip));
			x->to.port = s[i].port;
			x->clear = clear;
		}
	}
}

/*
 * All, in the order in which they are to be tried. What SRV records say leads to clear text
 * only if the owner has said so, and even then TLS comes first.
 */
static void find_places(struct publisher *p)
{
	p->n_places = 0;
	p->next = 0;
	if (p->config.trust)
		add_places(p, DISCOVER_UPDATE_TLS, false);
	if (p->config.clear)
		add_places(p, DISCOVER_UPDATE, true);
}

static void drop_link(struct publisher *p, bool reset)
{
	if (!p->link)
		return;
	if (reset)
		dns_link_close(p->link, true);
	dns_link_free(p->link);
	p->link = NULL;
	p->broken |= p->out;
	p->out = false;
}

/* All has been said. Next time, the best server comes first again. */
static void end_idle(struct publisher *p)
{
	drop_link(p, false);
	p->n_places = 0;
	p->next = 0;
}

/* The next place, or none for a while. */
static void failed(struct publisher *p, uint64_t now)
{
	drop_link(p, true);
	if (p->next < p->n_places)
		return;
	p->wait = p->wait ? 2 * p->wait : PUBLISHER_AGAIN;
	if (p->wait > PUBLISHER_AGAIN_MAX)
		p->wait = PUBLISHER_AGAIN_MAX;
	/* All hosts have lost a server that restarts at the same moment. */
	p->retry_at = now + p->wait + draw_below(&p->draw, p->wait / 4);
	p->n_places = 0;
	/* Where they were may be old. */
	servers_wanted(p->config.servers, true);
}

static void link_open(void *arg, const uint8_t *channel)
{
	struct publisher *p = arg;

	(void)channel;
	p->why[0] = '\0';
	p->idle_at = now_ms() + PUBLISHER_IDLE;
	p->probing = false;
	p->expect_until = 0;
	/* What was out on another stream is sent anew. */
	if (p->broken)
		lease_client_moved(p->client, now_ms());
	p->broken = false;
	kick(p);
}

static void link_message(void *arg, uint8_t *msg, size_t len)
{
	struct publisher *p = arg;
	uint64_t now = now_ms();

	if (lease_client_input(p->client, now, msg, len)) {
		p->out = false;
		p->wait = 0;
		if (!lease_client_error(p->client))
			p->acknowledged = now;
	}
	p->idle_at = now + PUBLISHER_IDLE;
	kick(p);
}

static void link_down(void *arg, const char *why, bool refused)
{
	struct publisher *p = arg;
	char place[DNS_PLACE_TEXT];
	uint64_t now = now_ms();

	(void)refused;
	if (p->idle_at && !p->out) {
		/* It was open, and nobody waits for anything: the server tidies up. */
		end_idle(p);
	} else {
		snprintf(p->why, sizeof(p->why), "%s: %s", dns_place_text(&p->at.to, place), why);
		failed(p, now);
	}
	kick(p);
}

static const struct dns_link_ops link_ops = {
	.open = link_open,
	.message = link_message,
	.down = link_down,
};

static void no_server(struct publisher *p)
{
	int err = servers_error(p->config.servers);

	if (err == -EINPROGRESS)
		snprintf(p->why, sizeof(p->why), "the server is being looked for");
	else if (err == -ETIMEDOUT || err == -EDESTADDRREQ)
		snprintf(p->why, sizeof(p->why), "the server cannot be found: no resolver %s",
			 err == -ETIMEDOUT ? "answers" : "is known");
	else
		snprintf(p->why, sizeof(p->why), "the domain has no server for updates over TLS%s",
			 p->config.clear ? " or TCP" : "");
}

/* There is something to say, and nobody to say it to. */
static void connect_next(struct publisher *p, uint64_t now)
{
	struct dns_link_config config = { 0 };

	if (now < p->retry_at)
		return;
	if (p->next >= p->n_places) {
		servers_wanted(p->config.servers, false);
		find_places(p);
	}
	if (!p->n_places) {
		/* publisher_servers_changed() goes on. */
		no_server(p);
		p->retry_at = now + PUBLISHER_AGAIN_MAX;
		return;
	}
	p->at = p->places[p->next++];
	config.to = p->at.to;
	config.trust = p->at.clear ? NULL : p->config.trust;
	config.clear = p->at.clear;
	p->idle_at = 0;
	p->link = dns_link_new(p->event, &config, &link_ops, p);
	if (p->link) {
		dns_link_connect(p->link);
	} else {
		snprintf(p->why, sizeof(p->why), "out of memory");
		failed(p, now);
	}
}

/* --- all of it --------------------------------------------------------------------- */

static bool changed(struct publisher *p)
{
	struct publisher_status now;
	bool is;

	publisher_status(p, &now);
	is = now.records != p->told.records || now.current != p->told.current ||
	     now.lease != p->told.lease || now.connected != p->told.connected ||
	     now.acknowledged != p->told.acknowledged || strcmp(now.why, p->told.why);
	p->told = now;
	return is;
}

static void say(struct publisher *p, uint64_t now)
{
	size_t len;

	while (p->link && dns_link_is_open(p->link)) {
		len = lease_client_output(p->client, now, p->msg, sizeof(p->msg));
		if (lease_client_stuck(p->client)) {
			snprintf(p->why, sizeof(p->why), "the server does not answer");
			/* The engine has given that up. What has changed meanwhile is for
			 * another link; else it says itself when it tries again.
			 */
			p->out = false;
			p->broken = len;
			failed(p, now);
			return;
		}
		if (!len)
			return;
		p->out = true;
		p->idle_at = now + PUBLISHER_IDLE;
		/* An error of the link comes to link_down() in its time. */
		dns_link_write(p->link, p->msg, len);
	}
}

/* When there is something to say; what was not answered on a link that broke, at once. */
static uint64_t due(const struct publisher *p)
{
	return p->broken || p->probing ? 0 : lease_client_deadline(p->client);
}

/* When a connection is wanted */
static uint64_t due_link(const struct publisher *p)
{
	return !p->stopping && now_ms() < p->expect_until ? 0 : due(p);
}

static uint64_t next_time(const struct publisher *p)
{
	uint64_t next = due(p), at = NEVER;
	bool open = p->link && dns_link_is_open(p->link);

	if (p->told_stop)
		return NEVER;
	/* That a lease is over is worth telling, whoever can be reached. */
	if (p->told.current && p->told.expires)
		at = p->told.expires;
	if (open) {
		next = lease_client_deadline(p->client);
		at = next < at ? next : at;
		if (!p->out && p->idle_at < at)
			at = p->idle_at;
	} else if (!p->link && !p->paused) {
		next = due_link(p);
		next = next < p->retry_at ? p->retry_at : next;
		at = next < at ? next : at;
	}
	if (p->stopping && p->stop_at < at)
		at = p->stop_at;
	return at;
}

static void check_stop(struct publisher *p, uint64_t now)
{
	if (!p->stopping || p->told_stop)
		return;
	if (!lease_client_withdrawn(p->client) && !lease_client_current(p->client) &&
	    now < p->stop_at)
		return;
	p->told_stop = true;
	drop_link(p, false);
	if (p->ops->stopped)
		p->ops->stopped(p->arg);
}

static int run(sd_event_source *s, uint64_t usec, void *arg)
{
	struct publisher *p = arg;
	uint64_t now = now_ms();

	(void)s;
	(void)usec;
	say(p, now);
	if (!p->link && !p->paused && !p->told_stop && due_link(p) <= now)
		connect_next(p, now);
	if (p->link && dns_link_is_open(p->link) && !p->out && now >= p->idle_at)
		end_idle(p);
	if (changed(p) && p->ops->changed)
		p->ops->changed(p->arg);
	check_stop(p, now);
	/* Call-backs may have had wishes. */
	arm(p, next_time(p));
	return 0;
}

int publisher_new(sd_event *event, const struct publisher_config *config,
		  const struct publisher_ops *ops, void *arg, struct publisher **out)
{
	struct lease_client_config client = {
		.zone = config->zone,
		.stream = true,
		.lease = config->lease ? config->lease : PUBLISHER_LEASE,
		.spread = config->spread,
		.signer = config->signer,
	};
	struct publisher *p;
	int err;

	if (!config->trust && !config->clear)
		return -EINVAL;
	if (getrandom(client.seed, sizeof(client.seed), 0) != sizeof(client.seed))
		return -EIO;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	if (getrandom(p->draw.seed, sizeof(p->draw.seed), 0) != sizeof(p->draw.seed)) {
		free(p);
		return -EIO;
	}
	p->config = *config;
	memcpy(p->zone, config->zone, dname_len(config->zone));
	p->config.zone = p->zone;
	p->ops = ops;
	p->arg = arg;
	p->event = sd_event_ref(event);
	p->client = lease_client_new(&client);
	err = p->client ? sd_event_add_time(event, &p->timer, CLOCK_BOOTTIME, 0, 1000, run, p) :
			  -ENOMEM;
	if (err < 0) {
		publisher_free(p);
		return err;
	}
	arm(p, NEVER);
	*out = p;
	return 0;
}

void publisher_free(struct publisher *p)
{
	if (!p)
		return;
	drop_link(p, false);
	sd_event_source_disable_unref(p->timer);
	sd_event_unref(p->event);
	lease_client_free(p->client);
	free(p);
}

int publisher_set(struct publisher *p, const struct publish_set *set)
{
	int err;

	/* It is about to go, and stays so. */
	if (p->stopping)
		return -ECANCELED;
	err = lease_client_set(p->client, set->records, set->n, now_ms());
	if (err)
		return err;
	p->records = set->n;
	kick(p);
	return 0;
}

/* Failures of before say nothing any more. */
static void forgive(struct publisher *p)
{
	p->wait = 0;
	p->retry_at = 0;
	p->n_places = 0;
	p->next = 0;
}

void publisher_servers_changed(struct publisher *p)
{
	/* A link that works stays. */
	forgive(p);
	if (!p->link)
		lease_client_retry(p->client, now_ms());
	kick(p);
}

void publisher_moved(struct publisher *p, bool all)
{
	uint64_t now = now_ms();

	p->paused = false;
	p->why[0] = '\0';
	/* The mapping is being asked for; TLS takes two round trips, meanwhile. */
	p->expect_until = now + PUBLISHER_IDLE;
	forgive(p);
	/* What is being made comes from an address that may be gone. */
	if (p->link && (all || !dns_link_is_open(p->link) || dns_link_is_astray(p->link)))
		drop_link(p, true);
	lease_client_retry(p->client, now);
	kick(p);
}

void publisher_pause(struct publisher *p)
{
	p->paused = true;
	drop_link(p, true);
	snprintf(p->why, sizeof(p->why), "there is no network");
	kick(p);
}

void publisher_retry(struct publisher *p)
{
	p->why[0] = '\0';
	forgive(p);
	lease_client_retry(p->client, now_ms());
	kick(p);
}

void publisher_probe(struct publisher *p)
{
	/* One that is open may have been for long: the next one counts. */
	p->probing = true;
	kick(p);
}

void publisher_stop(struct publisher *p, uint32_t ms)
{
	uint64_t now = now_ms();

	if (p->stopping)
		return;
	p->stopping = true;
	p->stop_at = now + ms;
	p->records = 0;
	/* Nothing can fail when there is nothing to be copied, but for the memory of it. */
	if (lease_client_set(p->client, NULL, 0, now))
		p->stop_at = now;
	lease_client_retry(p->client, now);
	forgive(p);
	kick(p);
}

/* --- status ------------------------------------------------------------------------ */

static void lease_error(int err, char why[PUBLISHER_WHY])
{
	unsigned int rcode = (unsigned int)err - 256;
	char buf[DNS_RCODE_TEXT];

	if (err >= 256)
		snprintf(why, PUBLISHER_WHY, "the server answers %s%s", dns_rcode_text(rcode, buf),
			 rcode == DNS_NOTAUTH ? ": it does not know this host's key" : "");
	else if (err == -ETIMEDOUT)
		snprintf(why, PUBLISHER_WHY, "the server does not answer");
	else if (err == -EMSGSIZE)
		snprintf(why, PUBLISHER_WHY, "there is more to publish than fits into a message");
	else if (err == -EKEYREJECTED)
		snprintf(why, PUBLISHER_WHY, "the update cannot be signed");
	else
		snprintf(why, PUBLISHER_WHY, "%s", strerror(-err));
}

void publisher_status(const struct publisher *p, struct publisher_status *out)
{
	uint64_t expires = lease_client_expires(p->client);
	int err = lease_client_error(p->client);

	memset(out, 0, sizeof(*out));
	out->records = p->records;
	/* The engine looks at the clock only when it is asked for a message. */
	out->current = lease_client_current(p->client) && (!expires || now_ms() < expires);
	if (expires > now_ms()) {
		out->lease = lease_client_granted(p->client);
		out->expires = expires;
	}
	out->acknowledged = p->acknowledged;
	out->connected = p->link && dns_link_is_open(p->link);
	out->to = p->at.to;
	out->clear = p->at.clear;
	if (p->why[0])
		memcpy(out->why, p->why, sizeof(out->why));
	else if (err && !out->current)
		lease_error(err, out->why);
}
