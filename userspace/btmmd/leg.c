// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leg_int.h"

#define STALE	3600	/* s that DNS Push keeps answers for without a stream */
#define IN_SIZE	65536
#define BATCH	64	/* datagrams, before others have their turn */

const char *leg_kind_text(enum leg_kind kind)
{
	static const char *const text[] = {
		[LEG_PUSH] = "DNS Push over TLS",
		[LEG_LLQ_TLS] = "Long-Lived Queries over TLS",
		[LEG_LLQ_UDP] = "Long-Lived Queries over UDP",
	};

	return text[kind];
}

static void timer_at(struct leg *l, uint64_t ms)
{
	if (ms == UINT64_MAX) {
		sd_event_source_set_enabled(l->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(l->timer, ms * 1000);
	sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

void leg_soon(struct leg *l)
{
	timer_at(l, 0);
}

static void because(struct leg *l, const char *why)
{
	snprintf(l->why, sizeof(l->why), "%s", why);
}

/* --- what the engines tell --- */

static void on_change(void *arg, void *tag, bool add, const struct answer *a)
{
	struct item *i = tag;

	(void)arg;
	i->leg->ops->change(i->leg->arg, i->q, add, a);
}

static void on_additional(void *arg, void *tag, const struct answer *a)
{
	struct item *i = tag;

	(void)arg;
	i->leg->ops->additional(i->leg->arg, i->q, a);
}

static void on_settled(void *arg, void *tag, enum answers_status status)
{
	struct item *i = tag;

	(void)arg;
	i->leg->ops->settled(i->leg->arg, i->q, status);
}

static const struct push_client_ops push_ops = { .change = on_change, .settled = on_settled };
static const struct llq_client_ops llq_ops = { on_change, on_additional, on_settled };

const char *leg_reason(int error)
{
	switch (error) {
	case 256 + DNS_FORMERR:
		return "the server does not understand";
	case 256 + DNS_SERVFAIL:
		return "the server cannot answer (SERVFAIL)";
	case 256 + DNS_REFUSED:
		return "the server refuses (REFUSED)";
	case 256 + DNS_NOTAUTH:
		return "the server does not know the key, or the zone (NOTAUTH)";
	case LLQ_SERV_FULL:
		return "the server is full";
	case LLQ_STATIC:
		return "the server says that nothing changes";
	case -ETIMEDOUT:
		return "the server is silent";
	case -EOPNOTSUPP:
		return "the server does not know this protocol";
	case -EPROTO:
		return "the server broke the rules";
	case -EKEYREJECTED:
		return "there is no key to sign with";
	default:
		return "the server refuses";
	}
}

/* What the engine has to say about the list of hosts, which stands for all. */
static void look_at_errors(struct leg *l)
{
	int error = 0;

	if (l->push) {
		error = push_client_error(l->push);
		if (!error && l->items && l->items->push)
			error = push_query_error(l->items->push);
		/* A stream that breaks comes back, and has said why. */
		if (error == -ECONNRESET)
			error = 0;
	} else if (l->items && l->items->llq) {
		error = llq_query_error(l->items->llq);
	}
	l->failed = l->refused || l->lost || error;
	if (error)
		because(l, leg_reason(error));
}

/* --- pumping --- */

static int write_link(struct leg *l, const uint8_t *msg, size_t len)
{
	int err = dns_link_write(l->link, msg, len);

	if (err) {
		because(l, "the connection is broken");
		dns_link_close(l->link, true);
	}
	return err;
}

static void obey(struct leg *l, uint64_t now)
{
	enum push_wish wish;

	while ((wish = push_client_wish(l->push, now)) != PUSH_NOTHING) {
		/* A stream that is wanted is a new one. */
		dns_link_close(l->link, wish == PUSH_ABORT);
		if (wish == PUSH_CONNECT)
			dns_link_connect(l->link);
	}
}

static void pump_push(struct leg *l, uint64_t now)
{
	uint8_t out[DNS_UDP_MAX];
	size_t len;

	obey(l, now);
	while ((len = push_client_output(l->push, now, out, sizeof(out)))) {
		if (write_link(l, out, len)) {
			push_client_closed(l->push, now);
			break;
		}
	}
	obey(l, now);
	timer_at(l, push_client_deadline(l->push));
}

static void send_udp(struct leg *l, const uint8_t *msg, size_t len)
{
	/* What is lost is sent again. */
	if (l->fd >= 0 && send(l->fd, msg, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno != EAGAIN)
		because(l, strerror(errno));
}

static void stream_lost(struct leg *l)
{
	llq_client_pause(l->llq);
	if (!l->paused)
		dns_link_connect(l->link);
}

static void pump_llq(struct leg *l, uint64_t now)
{
	uint8_t out[DNS_UDP_MAX];
	uint64_t due;
	size_t len;

	if (l->config.deaf && now >= l->set_up_at) {
		if (l->set_up_at && !l->paused)
			llq_client_moved(l->llq, now);
		l->set_up_at = now + LLQ_POLL_MIN;
	}
	while ((len = llq_client_output(l->llq, now, out, sizeof(out)))) {
		if (!l->link)
			send_udp(l, out, len);
		else if (write_link(l, out, len))
			stream_lost(l);
	}
	if (llq_client_stuck(l->llq) && l->link) {
		because(l, "the server is silent");
		dns_link_close(l->link, true);
		stream_lost(l);
	}
	due = llq_client_deadline(l->llq);
	if (l->config.deaf && l->set_up_at < due)
		due = l->set_up_at;
	timer_at(l, due);
}

static void pump(struct leg *l)
{
	uint64_t now = now_ms(l);

	if (l->push)
		pump_push(l, now);
	else
		pump_llq(l, now);
	look_at_errors(l);
	l->ops->news(l->arg);
}

static int on_time(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	pump(arg);
	return 0;
}

/* --- streams --- */

static void link_open(void *arg, const uint8_t *channel)
{
	struct leg *l = arg;
	uint64_t now = now_ms(l);

	l->refused = false;
	l->lost = false;
	l->why[0] = '\0';
	if (l->llq) {
		llq_client_moved(l->llq, now);
	} else if (!channel && l->config.signer.sign) {
		l->refused = true;
		because(l, "the TLS session has nothing to bind a key to");
		dns_link_close(l->link, false);
		push_client_closed(l->push, now);
	} else {
		push_client_connected(l->push, now, channel);
	}
	pump(l);
}

static void link_message(void *arg, uint8_t *msg, size_t len)
{
	struct leg *l = arg;

	if (l->push) {
		push_client_input(l->push, now_ms(l), msg, len);
	} else {
		uint8_t reply[DNS_UDP_MAX];
		size_t n = llq_client_input(l->llq, now_ms(l), msg, len, reply, sizeof(reply));

		if (n && write_link(l, reply, n))
			stream_lost(l);
	}
	/* Once for all that has come: it looks at each question. */
	leg_soon(l);
}

static void link_down(void *arg, const char *why, bool refused)
{
	struct leg *l = arg;

	because(l, why);
	l->refused = refused;
	l->lost = true;
	if (l->push)
		push_client_closed(l->push, now_ms(l));
	else
		stream_lost(l);
	pump(l);
}

static const struct dns_link_ops link_ops = { link_open, link_message, link_down };

/* --- UDP --- */

static int on_datagram(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	static uint8_t msg[IN_SIZE];	/* used up before anybody else reads */
	uint8_t reply[DNS_UDP_MAX];
	struct leg *l = arg;
	unsigned int i;

	(void)s;
	(void)events;
	for (i = 0; i < BATCH; i++) {
		ssize_t n = recv(fd, msg, sizeof(msg), MSG_DONTWAIT);
		size_t len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			/* Nobody is at that port, perhaps: what is set up stays. */
			if (errno != EAGAIN) {
				because(l, strerror(errno));
				l->lost = true;
			}
			break;
		}
		l->lost = false;
		len = llq_client_input(l->llq, now_ms(l), msg, (size_t)n, reply, sizeof(reply));
		if (len)
			send_udp(l, reply, len);
	}
	pump(l);
	return 0;
}

static void close_udp(struct leg *l)
{
	l->io = sd_event_source_disable_unref(l->io);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static bool bind_port(int fd, sa_family_t family, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (family == AF_INET)
		return !bind(fd, (struct sockaddr *)&four, sizeof(four));
	return !bind(fd, (struct sockaddr *)&six, sizeof(six));
}

/* A new one, as the old one keeps the address that it was connected from. */
static int open_udp(struct leg *l)
{
	struct sockaddr_storage ss;
	socklen_t len = dns_place_sockaddr(&l->config.to, &ss);

	close_udp(l);
	l->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	/* If that port is another's, LLQs of ours come by any. */
	if (l->config.port && !bind_port(l->fd, ss.ss_family, l->config.port))
		because(l, strerror(errno));
	if (connect(l->fd, (struct sockaddr *)&ss, len)) {
		int err = -errno;

		because(l, strerror(-err));
		close_udp(l);
		return err;
	}
	return sd_event_add_io(l->event, &l->io, l->fd, EPOLLIN, on_datagram, l);
}

/* --- life --- */

static bool make_engine(struct leg *l)
{
	struct push_client_config push = {
		.zone = l->zone, .keepalive = l->config.keepalive, .stale = STALE,
		.signer = l->config.signer,
	};
	struct llq_client_config llq = {
		.stream = l->config.kind == LEG_LLQ_TLS, .lease = l->config.lease,
		.signer = l->config.signer,
	};

	if (getrandom(push.seed, DRAW_SEED, 0) != DRAW_SEED)
		return false;
	memcpy(llq.seed, push.seed, DRAW_SEED);
	if (l->config.kind == LEG_PUSH)
		l->push = push_client_new(&push, &push_ops, l);
	else
		l->llq = llq_client_new(&llq, &llq_ops, l);
	explicit_bzero(push.seed, DRAW_SEED);
	explicit_bzero(llq.seed, DRAW_SEED);
	return l->push || l->llq;
}

static bool make_way(struct leg *l)
{
	const struct dns_link_config config = { .to = l->config.to, .trust = l->config.trust };

	if (l->config.kind == LEG_LLQ_UDP) {
		/* Without a network it is made when there is one. */
		open_udp(l);
		return true;
	}
	l->link = dns_link_new(l->event, &config, &link_ops, l);
	if (!l->link)
		return false;
	if (l->llq)
		stream_lost(l);
	return true;
}

struct leg *leg_new(sd_event *event, const struct leg_config *config, const struct leg_ops *ops,
		    void *arg)
{
	struct leg *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->event = sd_event_ref(event);
	l->config = *config;
	memcpy(l->zone, config->zone, dname_len(config->zone));
	l->config.zone = l->zone;
	l->ops = ops;
	l->arg = arg;
	l->fd = -1;
	if (sd_event_add_time(event, &l->timer, CLOCK_BOOTTIME, 0, 1000, on_time, l) < 0 ||
	    !make_engine(l) || !make_way(l)) {
		leg_free(l);
		return NULL;
	}
	return l;
}

void leg_free(struct leg *l)
{
	uint8_t out[DNS_UDP_MAX];
	struct item *i;
	size_t len;

	if (!l)
		return;
	while ((i = l->items)) {
		l->items = i->next;
		/* A stream that ends is word enough. */
		if (l->fd >= 0)
			leg_unsubscribe(l, i);
		free(i);
	}
	while (l->fd >= 0 && (len = llq_client_output(l->llq, now_ms(l), out, sizeof(out))))
		send_udp(l, out, len);
	push_client_free(l->push);
	llq_client_free(l->llq);
	dns_link_free(l->link);
	close_udp(l);
	sd_event_source_disable_unref(l->timer);
	sd_event_unref(l->event);
	free(l);
}

const struct leg_config *leg_config_of(const struct leg *l)
{
	return &l->config;
}

bool leg_failed(const struct leg *l)
{
	return l->failed;
}

const char *leg_why(const struct leg *l)
{
	return l->why;
}

/* --- the network --- */

void leg_moved(struct leg *l, bool all)
{
	uint64_t now = now_ms(l);
	bool was_paused = l->paused;

	l->paused = false;
	if (l->link && !all && !was_paused && dns_link_is_open(l->link) &&
	    !dns_link_is_astray(l->link))
		return;
	if (l->link)
		dns_link_forgive(l->link);
	if (l->push) {
		push_client_moved(l->push, now);
	} else if (l->link) {
		dns_link_close(l->link, true);
		stream_lost(l);
	} else {
		/* From the same port, the new ones take the place of the old ones. */
		if (all || l->fd < 0 || dns_place_is_astray(&l->config.to, l->fd))
			open_udp(l);
		l->set_up_at = now + LLQ_POLL_MIN;
		llq_client_moved(l->llq, now);
	}
	leg_soon(l);
}

void leg_pause(struct leg *l)
{
	l->paused = true;
	because(l, "there is no network");
	if (l->push) {
		push_client_pause(l->push, now_ms(l));
	} else {
		llq_client_pause(l->llq);
		if (l->link)
			dns_link_close(l->link, true);
	}
	leg_soon(l);
}

void leg_check(struct leg *l)
{
	if (l->push)
		push_client_check(l->push);
	leg_soon(l);
}

void leg_retry(struct leg *l)
{
	if (l->paused)
		return;
	if (l->link)
		dns_link_forgive(l->link);
	if (l->push)
		push_client_retry(l->push, now_ms(l));
	else if (!l->link || dns_link_is_open(l->link))
		llq_client_retry(l->llq, now_ms(l));
	leg_soon(l);
}

void leg_deaf(struct leg *l, bool deaf)
{
	l->config.deaf = deaf;
	l->set_up_at = now_ms(l) + LLQ_POLL_MIN;
	leg_soon(l);
}
