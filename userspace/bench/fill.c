// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Very many LLQs on as many names (hNNNNNNN.<zone>, AAAA), each set up by the four-way
 * handshake over UDP and signed; so many to a client, each client with an address of
 * its own. Nothing is kept of one here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define CLIENTS		12	/* at a time */
#define PER_CLIENT_MAX	250
#define PORT		40000
#define SILENCE_MS	500
#define SILENCES	60

struct client {
	int fd;				/* -1: none */
	unsigned int first, n, left;	/* of the names */
	uint8_t state[PER_CLIENT_MAX];	/* 0: set-up sent; 1: challenge answered; 2: done */
	struct llq_option option[PER_CLIENT_MAX];
};

struct fill {
	const struct options *o;
	const struct tsig_key *key;
	uint8_t zone[DNAME_MAX];
	unsigned int next, end, index, done, resent;
	struct client clients[CLIENTS];
};

static void ask(const struct fill *f, const struct client *c, unsigned int i)
{
	uint8_t name[DNAME_MAX], buf[1024];
	char label[16];
	size_t len;
	int n;

	n = snprintf(label, sizeof(label), "h%07u", c->first + i);
	if (!dname_prefix(label, (size_t)n, f->zone, name))
		die("--zone is too long");
	len = wire_llq(f->key, name, DNS_AAAA, (uint16_t)(i + 1), &c->option[i], buf,
		       sizeof(buf), NULL);
	if (send(c->fd, buf, len, 0) < 0)
		die("send: %s", strerror(errno));
}

/* 127.128.0.0/9: eight million addresses that are nobody else's */
static void begin(struct fill *f, struct client *c)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	unsigned int i;

	c->fd = -1;
	if (f->next == f->end)
		return;
	c->first = f->next;
	c->n = f->end - f->next;
	if (c->n > f->o->per_client)
		c->n = f->o->per_client;
	c->left = c->n;
	f->next += c->n;
	from.sin_addr.s_addr = htonl(0x7f800000 + 1 + f->index++);
	c->fd = link_udp(&from, &f->o->server);
	for (i = 0; i < c->n; i++) {
		c->state[i] = 0;
		c->option[i] = (struct llq_option){ .version = LLQ_VERSION,
						    .opcode = LLQ_SETUP, .lease = 7200 };
		ask(f, c, i);
	}
}

static void take(struct fill *f, struct client *c, const uint8_t *msg, size_t len)
{
	unsigned int i = len < DNS_HEADER ? 0 : dns_id(msg);
	struct llq_option o;

	if (!i || i > c->n || c->state[i - 1] == 2)
		return;
	i--;
	if (!wire_llq_read(msg, len, &o))
		die("the server refuses an LLQ after %u: RCODE %u, error %u", f->done,
		    dns_rcode(msg), o.error);
	if (c->state[i] == 0) {
		c->state[i] = 1;
		c->option[i] = o;
		ask(f, c, i);
	} else if (dns_count(msg, 1)) {	/* answers: it is no repeated challenge */
		c->state[i] = 2;
		c->left--;
		f->done++;
	}
}

static void again(struct fill *f)
{
	unsigned int i, k;

	for (k = 0; k < CLIENTS; k++) {
		for (i = 0; f->clients[k].fd >= 0 && i < f->clients[k].n; i++) {
			if (f->clients[k].state[i] == 2)
				continue;
			ask(f, &f->clients[k], i);
			f->resent++;
		}
	}
}

static void turn(struct fill *f, struct client *c)
{
	uint8_t buf[4096];
	ssize_t n;

	while (c->fd >= 0 && (n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		take(f, c, buf, (size_t)n);
		if (!c->left) {
			close(c->fd);
			begin(f, c);
		}
	}
}

int run_fill(const struct options *o)
{
	struct parties who = parties_read(o->keys);
	struct fill f = { .o = o, .key = &who.v[0].key, .next = o->first,
			  .end = o->first + o->count, .index = o->first };
	unsigned int k, silences = 0;
	struct pollfd p[CLIENTS];
	uint64_t start;

	if (!o->per_client || o->per_client > PER_CLIENT_MAX)
		die("--per-client: 1 to %u", PER_CLIENT_MAX);
	name_of(o->zone, f.zone);
	start = now_ns();
	for (k = 0; k < CLIENTS; k++)
		begin(&f, &f.clients[k]);
	while (f.done < o->count) {
		for (k = 0; k < CLIENTS; k++)
			p[k] = (struct pollfd){ .fd = f.clients[k].fd, .events = POLLIN };
		if (poll(p, CLIENTS, SILENCE_MS) == 0) {
			if (++silences > SILENCES)
				die("%u of %u LLQs could be set up", f.done, o->count);
			again(&f);
		}
		for (k = 0; k < CLIENTS; k++) {
			if (p[k].fd >= 0 && p[k].revents)
				turn(&f, &f.clients[k]);
		}
	}
	printf("{\"count\": %u, \"clients\": %u, \"seconds\": %.3f, \"resent\": %u}\n", f.done,
	       f.index - o->first, (double)(now_ns() - start) / 1e9, f.resent);
	return 0;
}
