// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From an update to its events: one update at a time, to each target in turn; a sample
 * ends when all subscribers of that name have been told. Timed from before the update is
 * sent until the event has been verified, and until the kernel has it (of many, the last).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bench.h"

#define PATIENCE_MS	10000
#define BATCH		256

struct sample {
	double event_ms, arrived_ms, answer_ms;
};

struct run {
	const struct options *o;
	struct parties targets;
	struct listeners ls;
	size_t *interested;	/* subscribers of each target */
	int fd;
	uint16_t id, value;
	bool answered;
	struct sample now;
	uint64_t start, start_real;
};

static double ms(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) / 1e6 : 0;
}

static void answer(struct run *r)
{
	uint8_t buf[DNS_MAX];
	ssize_t n = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < DNS_HEADER || dns_id(buf) != r->id)
		return;
	if (dns_rcode(buf))
		die("an update was refused: RCODE %u", dns_rcode(buf));
	r->answered = true;
	r->now.answer_ms = ms(r->start, now_ns());
}

static bool told(struct run *r, const struct epoll_event *e, const struct party *p)
{
	uint64_t arrived = 0;

	if (!listener_input(&r->ls, e->data.u64, r->value, &arrived) ||
	    !dname_equal(listener_name(&r->ls, e->data.u64), p->owner))
		return false;
	r->now.event_ms = ms(r->start, now_ns());
	if (ms(r->start_real, arrived) > r->now.arrived_ms)
		r->now.arrived_ms = ms(r->start_real, arrived);
	return true;
}

static struct sample one(struct run *r, size_t target)
{
	const struct party *p = &r->targets.v[target];
	size_t left = r->interested[target];
	struct epoll_event e[BATCH];
	uint8_t buf[2048];
	size_t len;
	int n, i;

	r->now = (struct sample){ 0 };
	r->answered = false;
	r->value++;
	len = wire_update(p, ++r->id, r->value, r->o->lease, buf, sizeof(buf));
	r->start = now_ns();
	r->start_real = now_real_ns();
	if (send(r->fd, buf, len, 0) < 0)
		die("send: %s", strerror(errno));
	while (left || !r->answered) {
		n = epoll_wait(r->ls.epoll, e, BATCH, PATIENCE_MS);
		if (n <= 0)
			die("%s after an update (%zu of %zu events missing)",
			    r->answered ? "silence" : "no answer", left, r->interested[target]);
		for (i = 0; i < n; i++) {
			if (e[i].data.u64 == r->ls.n)
				answer(r);
			else if (told(r, &e[i], p))
				left--;
		}
	}
	return r->now;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *name, double *v, unsigned int n, const char *end)
{
	qsort(v, n, sizeof(*v), by_value);
	printf("\"%s\": {\"min\": %.3f, \"p10\": %.3f, \"p50\": %.3f, \"p90\": %.3f, "
	       "\"p99\": %.3f, \"max\": %.3f}%s", name, v[0], v[n / 10], v[n / 2],
	       v[n * 9 / 10], v[n * 99 / 100], v[n - 1], end);
}

static void interest(struct run *r)
{
	size_t i, k;

	r->interested = must_alloc(r->targets.n, sizeof(*r->interested));
	for (i = 0; i < r->targets.n; i++) {
		for (k = 0; k < r->ls.n; k++)
			r->interested[i] += dname_equal(r->targets.v[i].owner,
							listener_name(&r->ls, k));
		if (!r->interested[i])
			die("target %zu has no subscriber", i);
	}
}

int run_events(const struct options *o)
{
	struct run r = { .o = o, .targets = parties_read(o->targets) };
	struct parties subs = parties_read(o->subs);
	double *event = must_alloc(o->count, sizeof(*event));
	double *arrived = must_alloc(o->count, sizeof(*arrived));
	double *answers = must_alloc(o->count, sizeof(*answers));
	struct epoll_event e = { .events = EPOLLIN };
	struct sample s;
	unsigned int i;

	listeners_open(&r.ls, o, &subs);
	r.fd = link_udp(NULL, &o->update);
	e.data.u64 = r.ls.n;
	if (epoll_ctl(r.ls.epoll, EPOLL_CTL_ADD, r.fd, &e))
		die("epoll: %s", strerror(errno));
	interest(&r);
	r.value = (uint16_t)o->first;
	for (i = 0; i < o->warmup; i++)
		one(&r, i % r.targets.n);
	for (i = 0; i < o->count; i++) {
		s = one(&r, i % r.targets.n);
		event[i] = s.event_ms;
		arrived[i] = s.arrived_ms;
		answers[i] = s.answer_ms;
	}
	printf("{\"count\": %u, \"subscribers\": %zu, ", o->count, r.ls.n);
	print("event_ms", event, o->count, ", ");
	print("arrived_ms", arrived, o->count, ", ");
	print("answer_ms", answers, o->count, "}\n");
	return 0;
}
