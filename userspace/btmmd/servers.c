// SPDX-License-Identifier: GPL-2.0-or-later
#include "servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../lib/dns/message.h"

#define ASKS		128	/* messages under way; discovery has fewer */
#define QUESTION_MAX	512
#define ANSWER_MAX	4096
#define FILE_LINES	256

/* A question as it was sent, to be sent to the next resolver as it is. */
struct sent {
	uint16_t id, len;
	uint8_t at;		/* resolver that has it */
	uint8_t tried;		/* resolvers that have said that they cannot */
	bool answered, soa;
	enum discover_service service;	/* SERVERS_NONE: of no SRV */
	uint8_t msg[QUESTION_MAX];
};

#define SERVERS_NONE	DISCOVER_SERVICES

struct resolver {
	struct dns_place place;
	struct servers *s;
	sd_event_source *io;
	int fd;
};

struct found {
	struct discover_server servers[DISCOVER_SERVERS];
	size_t n;
	bool fixed, known;
};

struct servers {
	sd_event *event;
	sd_event_source *timer;
	const struct servers_ops *ops;
	void *arg;
	struct servers_config config;
	uint8_t domain[DNAME_MAX];
	char *file;

	struct found found[DISCOVER_SERVICES];
	uint64_t until;		/* ms; what is found is good until then; 0: nothing is */
	uint64_t last;		/* when it was looked for last */
	uint64_t again;		/* after a failure: when it may be looked for */
	unsigned int failures;
	bool wanted;
	int error;

	struct discover *run;
	struct resolver resolvers[SERVERS_RESOLVERS];
	size_t n_resolvers;
	struct sent *sent;
	size_t n_sent;
};

static uint64_t now_ms(const struct servers *s)
{
	uint64_t us;

	return sd_event_now(s->event, CLOCK_BOOTTIME, &us) < 0 ? 0 : us / 1000;
}

static void timer_at(struct servers *s, uint64_t ms)
{
	if (ms == UINT64_MAX) {
		sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(s->timer, ms * 1000);
	sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

/* --- resolvers --- */

static bool place_from_text(const char *text, struct dns_place *out)
{
	struct in_addr four;

	*out = (struct dns_place){ .port = 53 };
	if (inet_pton(AF_INET, text, &four) == 1) {
		out->ip.s6_addr[10] = 0xff;
		out->ip.s6_addr[11] = 0xff;
		memcpy(out->ip.s6_addr + 12, &four, 4);
		return true;
	}
	return inet_pton(AF_INET6, text, &out->ip) == 1;
}

static size_t from_file(const struct servers *s, struct dns_place *out)
{
	FILE *f = fopen(s->file, "re");
	char line[256], word[INET6_ADDRSTRLEN];
	size_t n = 0, lines = 0;

	if (!f)
		return 0;
	while (n < SERVERS_RESOLVERS && lines++ < FILE_LINES && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " nameserver %45s", word) == 1 &&
		    place_from_text(word, &out[n]) &&
		    !IN6_ARE_ADDR_EQUAL(&out[n].ip, &s->config.own))
			n++;
	}
	fclose(f);
	return n;
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *arg);

/* A socket of its own for each, connected: what comes is from whom was asked. */
static bool open_resolver(struct servers *s, struct resolver *r, const struct dns_place *place)
{
	struct sockaddr_storage ss;
	socklen_t len = dns_place_sockaddr(place, &ss);

	*r = (struct resolver){ .place = *place, .s = s };
	r->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		return false;
	if (!connect(r->fd, (struct sockaddr *)&ss, len) &&
	    sd_event_add_io(s->event, &r->io, r->fd, EPOLLIN, on_answer, r) >= 0)
		return true;
	close(r->fd);
	return false;
}

static void close_resolvers(struct servers *s)
{
	while (s->n_resolvers) {
		struct resolver *r = &s->resolvers[--s->n_resolvers];

		sd_event_source_disable_unref(r->io);
		close(r->fd);
	}
}

static void open_resolvers(struct servers *s)
{
	struct dns_place places[SERVERS_RESOLVERS];
	size_t i, n = s->config.n_resolvers;

	memcpy(places, s->config.resolvers, sizeof(places));
	if (!n)
		n = from_file(s, places);
	for (i = 0; i < n; i++) {
		if (open_resolver(s, &s->resolvers[s->n_resolvers], &places[i]))
			s->n_resolvers++;
	}
}

/* --- questions --- */

static enum discover_service service_of(const struct servers *s, const uint8_t *msg, size_t len)
{
	const uint8_t *zone = discover_zone(s->run);
	struct dns_question q;
	struct dns_walk w;
	int i;

	if (!zone || dns_walk_init(&w, msg, len) || dns_walk_question(&w, &q) != 1 ||
	    q.type != DNS_SRV)
		return SERVERS_NONE;
	for (i = 0; i < DISCOVER_SERVICES; i++) {
		const char *name = discover_service_name((enum discover_service)i);

		if (q.name[0] == strcspn(name, ".") &&
		    !strncmp((const char *)q.name + 1, name, q.name[0]))
			return (enum discover_service)i;
	}
	return SERVERS_NONE;
}

static struct sent *sent_find(struct servers *s, uint16_t id)
{
	size_t i;

	for (i = 0; i < s->n_sent; i++) {
		if (s->sent[i].id == id)
			return &s->sent[i];
	}
	return NULL;
}

static void pass_on(struct servers *s, const struct sent *q)
{
	if (s->n_resolvers)
		send(s->resolvers[q->at % s->n_resolvers].fd, q->msg, q->len, MSG_DONTWAIT);
}

static void ask(struct servers *s, const uint8_t *msg, size_t len)
{
	struct sent *q = sent_find(s, dns_id(msg));

	/* Each try is the next one's. */
	if (q) {
		q->at++;
	} else if (s->n_sent < ASKS && len <= QUESTION_MAX) {
		q = &s->sent[s->n_sent++];
		*q = (struct sent){ .id = dns_id(msg), .len = (uint16_t)len };
		q->service = service_of(s, msg, len);
		q->soa = !discover_zone(s->run);
		memcpy(q->msg, msg, len);
	} else {
		return;
	}
	pass_on(s, q);
}

/* --- what is found --- */

static bool differs(const struct found *f, const struct discover_server *servers, size_t n)
{
	size_t i, j;

	if (f->n != n)
		return true;
	/* The order is drawn anew each time. */
	for (i = 0; i < n; i++) {
		for (j = 0; j < n; j++) {
			if (!memcmp(&f->servers[j], &servers[i], sizeof(*servers)))
				break;
		}
		if (j == n)
			return true;
	}
	return false;
}

/* Was every question answered that would have brought servers of it? */
static bool answered(const struct servers *s, enum discover_service service)
{
	size_t i, n;
	const struct discover_server *list = discover_servers(s->run, service, &n);

	for (i = 0; i < s->n_sent; i++) {
		if (!s->sent[i].answered && s->sent[i].service == service)
			return false;
	}
	for (i = 0; i < n; i++) {
		if (list[i].n_addresses)
			return true;
	}
	/* Servers without address are none, if that is not just unanswered. */
	for (i = 0; n && i < s->n_sent; i++) {
		if (!s->sent[i].answered && s->sent[i].service == SERVERS_NONE)
			return false;
	}
	return true;
}

static bool take(struct servers *s)
{
	bool changed = false;
	enum discover_service i;

	for (i = 0; i < DISCOVER_SERVICES; i++) {
		const struct discover_server *list;
		struct found *f = &s->found[i];
		size_t n;

		if (f->fixed || !discover_known(s->run, i) || !discover_zone(s->run) ||
		    !answered(s, i))
			continue;
		list = discover_servers(s->run, i, &n);
		if (f->known && !differs(f, list, n))
			continue;
		changed = true;
		f->known = true;
		f->n = n;
		memcpy(f->servers, list, n * sizeof(*list));
	}
	return changed;
}

static bool all_answered(const struct servers *s)
{
	size_t i;

	for (i = 0; i < s->n_sent; i++) {
		if (!s->sent[i].answered)
			return false;
	}
	return s->n_sent;
}

static void failed(struct servers *s, int error)
{
	uint64_t now = now_ms(s), wait = SERVERS_RETRY;
	unsigned int i;

	for (i = 0; i < s->failures && wait < SERVERS_RETRY_MAX; i++)
		wait *= 2;
	s->failures++;
	s->error = error;
	s->until = 0;
	s->again = now + (wait < SERVERS_RETRY_MAX ? wait : SERVERS_RETRY_MAX);
	close_resolvers(s);
	timer_at(s, s->again);
}

static void end(struct servers *s)
{
	uint32_t ttl = discover_ttl(s->run);

	s->error = discover_error(s->run);
	if (!s->error && !all_answered(s))
		s->error = -ETIMEDOUT;
	discover_free(s->run);
	s->run = NULL;
	if (s->error) {
		failed(s, s->error);
		return;
	}
	s->failures = 0;
	s->until = now_ms(s) + 1000 * (uint64_t)ttl;
	s->wanted = false;
	close_resolvers(s);
	timer_at(s, UINT64_MAX);
}

static void pump(struct servers *s)
{
	uint8_t msg[DNS_UDP_MAX];
	bool changed;
	size_t len;

	while ((len = discover_output(s->run, now_ms(s), msg, sizeof(msg))))
		ask(s, msg, len);
	changed = take(s);
	if (discover_state(s->run) == DISCOVER_ASKING)
		timer_at(s, discover_deadline(s->run));
	else
		end(s);
	if (changed)
		s->ops->changed(s->arg);
}

/* A resolver that cannot say is not the last word, if there is another. */
static bool ask_next(struct servers *s, struct sent *q, const uint8_t *msg)
{
	unsigned int rcode = dns_rcode(msg);

	if (rcode == DNS_NOERROR || rcode == DNS_NXDOMAIN || ++q->tried >= s->n_resolvers)
		return false;
	q->at++;
	pass_on(s, q);
	return true;
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct resolver *r = arg;
	struct servers *s = r->s;
	uint8_t msg[ANSWER_MAX];
	ssize_t n = recv(fd, msg, sizeof(msg), MSG_DONTWAIT);
	struct sent *q;

	(void)source;
	(void)events;
	if (n < DNS_HEADER || !s->run || !(dns_flags(msg) & DNS_QR))
		return 0;
	q = sent_find(s, dns_id(msg));
	if (!q || ask_next(s, q, msg))
		return 0;
	if (!discover_input(s->run, msg, (size_t)n))
		return 0;
	/* SERVFAIL and its like are no answer; but a zone that hides is REFUSED. */
	q->answered = dns_rcode(msg) == DNS_NOERROR || dns_rcode(msg) == DNS_NXDOMAIN ||
		      q->soa;
	pump(s);
	return 0;
}

static void begin(struct servers *s)
{
	uint8_t seed[DRAW_SEED];
	uint64_t now = now_ms(s);

	s->last = now;
	open_resolvers(s);
	if (!s->n_resolvers || getrandom(seed, sizeof(seed), 0) != sizeof(seed)) {
		failed(s, -EDESTADDRREQ);
		return;
	}
	s->n_sent = 0;
	s->error = -EINPROGRESS;
	s->run = discover_new(s->domain, s->config.is_zone, seed, now);
	explicit_bzero(seed, sizeof(seed));
	if (!s->run) {
		failed(s, -ENOMEM);
		return;
	}
	pump(s);
}

static int on_time(sd_event_source *source, uint64_t usec, void *arg)
{
	struct servers *s = arg;

	(void)source;
	(void)usec;
	if (s->run)
		pump(s);
	else if (s->wanted)
		begin(s);
	return 0;
}

/* --- the outside --- */

int servers_new(sd_event *event, const struct servers_config *config,
		const struct servers_ops *ops, void *arg, struct servers **out)
{
	struct servers *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (!s)
		return -ENOMEM;
	s->event = sd_event_ref(event);
	s->config = *config;
	s->ops = ops;
	s->arg = arg;
	memcpy(s->domain, config->domain, dname_len(config->domain));
	s->file = strdup(config->resolv_conf ? config->resolv_conf : "/etc/resolv.conf");
	s->sent = calloc(ASKS, sizeof(*s->sent));
	if (s->file && s->sent)
		err = sd_event_add_time(event, &s->timer, CLOCK_BOOTTIME, 0, 1000, on_time, s);
	if (err >= 0)
		err = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
	if (err < 0) {
		servers_free(s);
		return err;
	}
	*out = s;
	return 0;
}

void servers_free(struct servers *s)
{
	if (!s)
		return;
	discover_free(s->run);
	close_resolvers(s);
	sd_event_source_disable_unref(s->timer);
	sd_event_unref(s->event);
	free(s->sent);
	free(s->file);
	free(s);
}

int servers_set(struct servers *s, enum discover_service service,
		const struct discover_server *servers, size_t n)
{
	struct found *f = &s->found[service];

	if (n > DISCOVER_SERVERS)
		return -EINVAL;
	f->fixed = true;
	f->known = true;
	f->n = n;
	memcpy(f->servers, servers, n * sizeof(*servers));
	return 0;
}

static bool all_fixed(const struct servers *s)
{
	int i;

	for (i = 0; i < DISCOVER_SERVICES; i++) {
		if (!s->found[i].fixed)
			return false;
	}
	return true;
}

void servers_wanted(struct servers *s, bool anew)
{
	uint64_t now = now_ms(s), at = now;

	if (s->run || s->wanted || all_fixed(s) || (now < s->until && !anew))
		return;
	if (now < s->until && s->last + SERVERS_CALM > at)
		at = s->last + SERVERS_CALM;
	if (s->error && s->again > at)
		at = s->again;
	s->wanted = true;
	timer_at(s, at);
}

void servers_moved(struct servers *s)
{
	if (all_fixed(s))
		return;
	discover_free(s->run);
	s->run = NULL;
	close_resolvers(s);
	s->failures = 0;
	s->wanted = true;
	timer_at(s, 0);
}

const struct discover_server *servers_get(const struct servers *s, enum discover_service service,
					  size_t *n)
{
	*n = s->found[service].n;
	return s->found[service].servers;
}

bool servers_known(const struct servers *s, enum discover_service service)
{
	return s->found[service].known;
}

int servers_error(const struct servers *s)
{
	return s->error;
}
