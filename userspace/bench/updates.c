// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Updates per second: signed beforehand, so that what is timed is the server; as many
 * outstanding as are asked for, by UDP from one socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "bench.h"

#define COUNT_MAX	60000	/* message IDs tell them apart */
#define SIZE_MAX_ONE	1024
#define SILENCE_MS	1500	/* then what is out is sent again */
#define SILENCES	20

struct load {
	uint8_t *msg;
	uint16_t *len;
	bool *done;
	unsigned int n, sent, answered, refused, resent, rcode;
	int fd;
};

static void prepare(struct load *l, const struct options *o, const struct parties *who)
{
	unsigned int i;

	l->n = o->count;
	if (!l->n || l->n > COUNT_MAX)
		die("--count: 1 to %u", COUNT_MAX);
	l->msg = must_alloc(l->n, SIZE_MAX_ONE);
	l->len = must_alloc(l->n, sizeof(*l->len));
	l->done = must_alloc(l->n, sizeof(*l->done));
	for (i = 0; i < l->n; i++)
		l->len[i] = (uint16_t)wire_update(&who->v[i % who->n], (uint16_t)i,
						  (uint16_t)(o->first + i), o->lease,
						  l->msg + (size_t)i * SIZE_MAX_ONE,
						  SIZE_MAX_ONE);
}

static void send_one(struct load *l, unsigned int i)
{
	if (send(l->fd, l->msg + (size_t)i * SIZE_MAX_ONE, l->len[i], 0) < 0)
		die("send: %s", strerror(errno));
}

static void again(struct load *l)
{
	unsigned int i;

	for (i = 0; i < l->sent; i++) {
		if (!l->done[i]) {
			send_one(l, i);
			l->resent++;
		}
	}
}

static void take(struct load *l, const uint8_t *msg, size_t len)
{
	unsigned int id = len < DNS_HEADER ? COUNT_MAX : dns_id(msg);

	if (id >= l->sent || l->done[id] || !(dns_flags(msg) & DNS_QR))
		return;
	l->done[id] = true;
	l->answered++;
	if (dns_rcode(msg)) {
		l->refused++;
		l->rcode = dns_rcode(msg);
	}
}

int run_updates(const struct options *o)
{
	struct timeval silence = { .tv_sec = SILENCE_MS / 1000,
				   .tv_usec = SILENCE_MS % 1000 * 1000 };
	struct parties who = parties_read(o->targets);
	struct load l = { .fd = link_udp(NULL, &o->update) };
	unsigned int silences = 0;
	uint8_t buf[DNS_MAX];
	uint64_t start;
	double seconds;
	ssize_t n;

	setsockopt(l.fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	prepare(&l, o, &who);
	start = now_ns();
	while (l.answered < l.n) {
		while (l.sent < l.n && l.sent - l.answered < o->outstanding)
			send_one(&l, l.sent++);
		n = recv(l.fd, buf, sizeof(buf), 0);
		if (n >= 0) {
			take(&l, buf, (size_t)n);
		} else if (++silences < SILENCES) {
			again(&l);
		} else {
			die("%u of %u updates got no answer", l.n - l.answered, l.n);
		}
	}
	seconds = (double)(now_ns() - start) / 1e9;
	printf("{\"count\": %u, \"seconds\": %.6f, \"per_second\": %.1f, \"refused\": %u, "
	       "\"rcode\": %u, \"resent\": %u}\n", l.n, seconds, l.n / seconds, l.refused,
	       l.rcode, l.resent);
	return 0;
}
