// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "../lib/dns/srv.h"
#include "ask.h"

#define SERVERS		8	/* that are tried */
#define SRV_ROOM	4096	/* octets of an answer */

/* Returns @err. */
static int __attribute__((format(printf, 3, 4)))
ask_refuse(char why[ASK_WHY], int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, ASK_WHY, fmt, ap);
	va_end(ap);
	return err;
}

/* --- which server ------------------------------------------------------------------ */

struct srv_list {
	struct srv_choice choices[SERVERS];
	uint8_t targets[SERVERS][DNAME_MAX];
	uint16_t ports[SERVERS];
	size_t n;
};

static void read_srv(const uint8_t *msg, size_t len, struct srv_list *out)
{
	struct dns_walk w;
	struct dns_rr rr;

	if (dns_walk_init(&w, msg, len))
		return;
	while (out->n < SERVERS && dns_walk_rr(&w, &rr) == 1 && w.section == 1) {
		size_t n = out->n;

		if (rr.type != DNS_SRV || rr.rdlen < 7 ||
		    !dname_unpack(msg, len, (size_t)(rr.rdata + 6 - msg), out->targets[n]))
			continue;
		/* "." says that there is no such service (RFC 2782). */
		if (!out->targets[n][0])
			continue;
		out->choices[n] = (struct srv_choice){ dns_u16(rr.rdata), dns_u16(rr.rdata + 2),
						       n };
		out->ports[n] = dns_u16(rr.rdata + 4);
		out->n++;
	}
}

static uint64_t draw_below(void *arg, uint64_t n)
{
	uint64_t r = 0;

	(void)arg;
	/* Slightly uneven, which is of no account here. */
	while (getrandom(&r, sizeof(r), 0) != sizeof(r))
		;
	return n ? r % n : 0;
}

static int find_servers(const uint8_t *domain, struct srv_list *out, char why[ASK_WHY])
{
	uint8_t answer[SRV_ROOM];
	char name[DNAME_TEXT_MAX + 32], text[DNAME_TEXT_MAX];
	struct __res_state state;
	int len;

	memset(out, 0, sizeof(*out));
	memset(&state, 0, sizeof(state));
	snprintf(name, sizeof(name), "_dns-update-tls._tcp.%s", dname_to_text(domain, text));
	if (res_ninit(&state))
		return ask_refuse(why, -EIO, "the resolver cannot be used");
	len = res_nquery(&state, name, ns_c_in, DNS_SRV, answer, sizeof(answer));
	res_nclose(&state);
	if (len > 0 && (size_t)len <= sizeof(answer))
		read_srv(answer, (size_t)len, out);
	if (!out->n)
		return ask_refuse(why, -EHOSTUNREACH, "no server was found: there is no SRV record "
				  "%s (the account can name one: server ADDR)", name);
	srv_order(out->choices, out->n, draw_below, NULL);
	return 0;
}

/* @host: as getaddrinfo() takes it */
static int connect_to(struct ask *a, const char *host, uint16_t port, char why[ASK_WHY])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list, *p;
	char service[8];
	int err;

	snprintf(service, sizeof(service), "%u", port);
	snprintf(a->name, sizeof(a->name), "%s", host);
	err = getaddrinfo(host, service, &hints, &list);
	if (err)
		return ask_refuse(why, -EHOSTUNREACH, "%s: %s", host, gai_strerror(err));
	err = -EHOSTUNREACH;
	for (p = list; p && err; p = p->ai_next)
		err = talk_open(&a->talk, p->ai_addr, p->ai_addrlen, SOCK_STREAM, ASK_TIMEOUT_MS);
	freeaddrinfo(list);
	return err ? ask_refuse(why, err, "%s cannot be reached: %s", host, strerror(-err)) : 0;
}

/* Whoever has the key of a pinned certificate is the server, whatever the name in it. */
static int check_pin(const struct ask *a, const struct bundle *account, char why[ASK_WHY])
{
	char text[PIN_TEXT_SIZE];
	uint8_t pin[PIN_LEN];
	size_t i;

	if (talk_server_key(&a->talk, pin))
		return ask_refuse(why, -EPROTO, "%s has no certificate", a->name);
	for (i = 0; i < account->n_pins; i++) {
		if (!CRYPTO_memcmp(account->pins[i], pin, PIN_LEN))
			return 0;
	}
	return ask_refuse(why, -EPERM, "%s has the key %s, which the account has not pinned: it is "
		      "another server, or its key was replaced", a->name, pin_text(pin, text));
}

static int begin_tls(struct ask *a, const struct bundle *account, char why[ASK_WHY])
{
	char reason[TALK_WHY];
	int err = talk_tls(&a->talk, reason);

	return err ? ask_refuse(why, err, "%s: TLS cannot be begun: %s", a->name, reason) :
		     check_pin(a, account, why);
}

static int connect_by_srv(struct ask *a, const struct bundle *account, char why[ASK_WHY])
{
	struct srv_list list;
	char name[DNAME_TEXT_MAX];
	int err = find_servers(account->domain, &list, why);
	size_t i;

	if (err)
		return err;
	for (i = 0; i < list.n; i++) {
		size_t k = list.choices[i].index;

		err = connect_to(a, dname_to_text(list.targets[k], name), list.ports[k], why);
		if (err)
			continue;
		err = begin_tls(a, account, why);
		if (!err)
			return 0;
		talk_close(&a->talk);
	}
	return err;
}

int ask_open(struct ask *a, const struct bundle *account, char why[ASK_WHY])
{
	char text[ADDR_TEXT_SIZE];
	int err;

	memset(a, 0, sizeof(*a));
	a->talk.fd = -1;
	a->msg = malloc(2 * DNS_MAX);
	if (!a->msg)
		return ask_refuse(why, -ENOMEM, "out of memory");
	a->reply = a->msg + DNS_MAX;
	if (!account->server.len)
		return connect_by_srv(a, account, why);
	err = connect_to(a, text_from_addr(&account->server, text), account->server_port, why);
	return err ? err : begin_tls(a, account, why);
}

void ask_close(struct ask *a)
{
	talk_close(&a->talk);
	free(a->msg);
	a->msg = NULL;
}

/* --- messages ---------------------------------------------------------------------- */

static uint16_t random_id(void)
{
	return (uint16_t)draw_below(NULL, 65536);
}

void ask_question(struct ask *a, struct dns_writer *w, const uint8_t *name, uint16_t type)
{
	dns_writer_init(w, a->msg, DNS_MAX - TSIG_ROOM, random_id(), 0);
	dns_put_question(w, name, type, DNS_IN);
}

void ask_update(struct ask *a, struct dns_writer *w, const uint8_t *zone)
{
	dns_writer_init(w, a->msg, DNS_MAX - TSIG_ROOM, random_id(), DNS_UPDATE << 11);
	dns_put_question(w, zone, DNS_SOA, DNS_IN);
}

/* What the server says about our signature, and what that asks for. */
static int signature_refused(const struct ask *a, const struct tsig_key *key, char why[ASK_WHY])
{
	char name[DNAME_TEXT_MAX], buf[DNS_RCODE_TEXT];
	struct tsig_claim claim;

	dname_to_text(key->name, name);
	if (tsig_read(a->reply, a->reply_len, &claim))
		return ask_refuse(why, -EKEYREJECTED, "%s answers %s without a signature: it does "
				  "not know the key %s", a->name,
				  dns_rcode_text(dns_rcode(a->reply), buf), name);
	if (claim.error == TSIG_BADKEY)
		return ask_refuse(why, -EKEYREJECTED, "%s does not know the key %s", a->name,
				  name);
	if (claim.error == TSIG_BADSIG)
		return ask_refuse(why, -EKEYREJECTED, "%s has another secret for the key %s",
				  a->name, name);
	if (claim.error == TSIG_BADTIME)
		return ask_refuse(why, -EKEYREJECTED,
				  "the clocks of this machine and of %s differ", a->name);
	return ask_refuse(why, -EKEYREJECTED, "the signature of %s under the key %s is wrong",
			  a->name, name);
}

int ask_send(struct ask *a, struct dns_writer *w, const struct tsig_key *key,
	     char why[ASK_WHY])
{
	struct dns_shape shape;
	struct tsig_mac mac;
	size_t len = w->len;
	int err = w->failed ? -EMSGSIZE : 0;

	if (!err)
		err = tsig_sign(a->msg, &len, DNS_MAX, key, NULL, &mac, TSIG_OK, 0);
	if (err)
		return ask_refuse(why, err, "the message cannot be made: %s", strerror(-err));
	err = talk_send_message(&a->talk, a->msg, len);
	if (!err)
		err = talk_recv_message(&a->talk, a->reply, &a->reply_len);
	if (err)
		return ask_refuse(why, err, "%s does not answer: %s", a->name, strerror(-err));
	if (a->reply_len < DNS_HEADER || dns_id(a->reply) != dns_id(a->msg) ||
	    !(dns_flags(a->reply) & DNS_QR) || dns_shape(a->reply, a->reply_len, &shape))
		return ask_refuse(why, -EBADMSG, "the answer of %s is malformed", a->name);
	if (tsig_check(a->reply, a->reply_len, key, &mac) != TSIG_OK)
		return signature_refused(a, key, why);
	/* Its record is of no further use. */
	a->reply_len = shape.tsig_start;
	dns_put16(a->reply + 10, dns_count(a->reply, 3) - 1);
	return 0;
}
