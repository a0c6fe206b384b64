// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Subscribers: by LLQ over UDP with the client's engine, which verifies and
 * acknowledges, or by DNS Push over TLS.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/dns/dso.h"
#include "../lib/llq/client.h"
#include "bench.h"

#define PATIENCE_MS	20000

struct listener {
	const struct party *who;
	struct llq_client *llq;
	struct llq_query *query;
	int fd;
	struct tls_link tls;
	bool push;
	uint16_t want;			/* the SRV's port that is waited for */
	bool found;
};

static int sign(void *arg, uint8_t *msg, size_t *len, size_t size, const struct tsig_mac *prior,
		struct tsig_mac *mac)
{
	return tsig_sign(msg, len, size, &((struct listener *)arg)->who->key, prior, mac, TSIG_OK,
			 0);
}

static enum signer_result verify(void *arg, const uint8_t *msg, size_t len,
				 const struct tsig_mac *prior, struct tsig_mac *mac,
				 uint64_t *time)
{
	struct tsig_claim claim;

	if (tsig_read(msg, len, &claim) ||
	    tsig_check(msg, len, &((struct listener *)arg)->who->key, prior) != TSIG_OK)
		return SIGNER_BAD;
	*mac = claim.mac;
	*time = claim.time_signed;
	return SIGNER_GOOD;
}

static void change(void *arg, void *tag, bool add, const struct answer *a)
{
	struct listener *l = tag;

	(void)arg;
	if (add && a->type == DNS_SRV && a->rdlen > 6 && dns_u16(a->rdata + 4) == l->want)
		l->found = true;
}

static void additional(void *arg, void *tag, const struct answer *a)
{
	(void)arg;
	(void)tag;
	(void)a;
}

static void settled(void *arg, void *tag, enum answers_status status)
{
	(void)arg;
	(void)tag;
	(void)status;
}

static uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static void flush(struct listener *l)
{
	uint8_t buf[DNS_MAX];
	size_t n;

	while ((n = llq_client_output(l->llq, now_ms(), buf, sizeof(buf))))
		send(l->fd, buf, n, 0);
}

static void llq_open(struct listener *l, const struct options *o, unsigned int n)
{
	static const struct llq_client_ops ops = { change, additional, settled };
	struct llq_client_config config = {
		.lease = 7200, .signer = { .arg = l, .sign = sign, .verify = verify },
	};

	memcpy(config.seed, &n, sizeof(n));
	l->fd = link_udp(NULL, &o->server);
	l->llq = llq_client_new(&config, &ops, l);
	l->query = l->llq ? llq_client_add(l->llq, l->who->owner, DNS_SRV, l, now_ms()) : NULL;
	if (!l->query)
		die("no memory");
	flush(l);
}

static void push_open(struct listener *l, const struct options *o)
{
	uint8_t buf[1024];
	struct dso_writer w;

	l->push = true;
	tls_link_open(&l->tls, &o->server);
	l->fd = l->tls.fd;
	tls_link_bind(&l->tls, &l->who->key, l->who->zone);
	dso_writer_init(&w, buf, sizeof(buf), DSO_REQUEST, 1, DNS_NOERROR);
	dso_put_subscribe(&w, l->who->owner, DNS_SRV, DNS_IN);
	tls_link_send(&l->tls, buf, w.len);
}

/* --- input ------------------------------------------------------------------------ */

static ssize_t receive(int fd, uint8_t *buf, size_t size, uint64_t *arrived)
{
	char control[256];
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	struct timespec ts;
	struct cmsghdr *c;

	if (n <= 0)
		return n;
	*arrived = now_real_ns();
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		*arrived = (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	}
	return n;
}

static void llq_input(struct listener *l, uint64_t *arrived)
{
	uint8_t buf[DNS_MAX], reply[DNS_MAX];
	size_t reply_len;
	ssize_t n;

	while (!l->found && (n = receive(l->fd, buf, sizeof(buf), arrived)) > 0) {
		reply_len = llq_client_input(l->llq, now_ms(), buf, (size_t)n, reply,
					     sizeof(reply));
		if (reply_len)
			send(l->fd, reply, reply_len, 0);
		flush(l);
	}
}

static void push_message(struct listener *l, const uint8_t *msg, size_t len)
{
	struct dso_push p;
	struct dso_tlv t;
	struct dns_rr rr;
	struct dso d;

	if (dso_read(msg, len, &d) || d.rcode)
		die("DNS Push: RCODE %u", dns_rcode(msg));
	if (dso_next(&d, &t) != 1 || t.type != DSO_PUSH)
		return;
	dso_push_init(&p, &d, &t);
	while (dso_push_next(&p, &rr) == 1) {
		if (dso_change(&rr) == DSO_ADD && rr.type == DNS_SRV && rr.rdlen > 6 &&
		    dns_u16(rr.rdata + 4) == l->want)
			l->found = true;
	}
}

bool listener_input(struct listeners *ls, size_t i, uint16_t value, uint64_t *arrived)
{
	struct listener *l = &ls->v[i];
	const uint8_t *msg;
	size_t len;

	l->want = value;
	l->found = false;
	if (!l->push) {
		llq_input(l, arrived);
		return l->found;
	}
	*arrived = now_real_ns();
	while (!l->found && (len = tls_link_read(&l->tls, &msg, false)))
		push_message(l, msg, len);
	return l->found;
}

const uint8_t *listener_name(const struct listeners *ls, size_t i)
{
	return ls->v[i].who->owner;
}

/* --- set-up ----------------------------------------------------------------------- */

static bool is_live(const struct listener *l)
{
	return l->push || llq_query_status(l->query) == ANSWERS_LIVE;
}

static void watch(struct listeners *ls, size_t i)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = i };

	if (epoll_ctl(ls->epoll, EPOLL_CTL_ADD, ls->v[i].fd, &e))
		die("epoll: %s", strerror(errno));
}

/* One after the other: how long it takes is not what is measured. */
static void wait_live(struct listeners *ls, size_t i)
{
	uint64_t end = now_ms() + PATIENCE_MS, arrived;
	struct listener *l = &ls->v[i];
	struct epoll_event e;

	while (!is_live(l)) {
		if (now_ms() > end)
			die("no LLQ could be set up (%d)", llq_query_error(l->query));
		if (epoll_wait(ls->epoll, &e, 1, 100) == 1)
			listener_input(ls, e.data.u64, 0, &arrived);
		else
			flush(l);
	}
}

void listeners_open(struct listeners *ls, const struct options *o, const struct parties *who)
{
	size_t i;

	ls->n = who->n;
	ls->v = must_alloc(who->n, sizeof(*ls->v));
	ls->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < ls->n; i++) {
		ls->v[i].who = &who->v[i];
		if (o->push)
			push_open(&ls->v[i], o);
		else
			llq_open(&ls->v[i], o, (unsigned int)i);
		watch(ls, i);
		wait_live(ls, i);
	}
}
