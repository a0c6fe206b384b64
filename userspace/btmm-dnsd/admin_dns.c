// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "admin_dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "admin_talk.h"

/* Of a UDP socket that is connected: only the server's answers come through. */
static int ask_udp(struct ask *a, struct why *why)
{
	char text[NET_TEXT_SIZE];
	uint64_t end = talk_now_ms() + a->timeout_ms / 2, last = end + a->timeout_ms / 2;
	struct talk s;
	int r = admin_talk(&s, &a->server, false, a->timeout_ms, why);

	if (r)
		return r;
	while (talk_now_ms() < last) {
		r = talk_send_datagram(&s, a->msg, a->len);
		/* One may get lost: sent twice. */
		while (!r) {
			r = talk_recv_datagram(&s, end, a->reply, DNS_MAX, &a->reply_len);
			if (r || (a->reply_len >= DNS_HEADER &&
				  dns_id(a->reply) == dns_id(a->msg)))
				break;
		}
		if (r != -ETIMEDOUT)
			break;
		end = last;
	}
	talk_close(&s);
	if (!r)
		return 0;
	return why_set(why, r, "%s does not answer over UDP: %s",
		       net_to_text(&a->server, text), strerror(-r));
}

static int ask_over_stream(struct ask *a, struct why *why)
{
	char text[NET_TEXT_SIZE];
	struct talk s;
	int r = admin_talk(&s, &a->server, true, a->timeout_ms, why);

	if (r)
		return r;
	if (a->over == ASK_TLS) {
		r = admin_talk_tls(&s, a->pin, sizeof(a->pin), why);
		if (r) {
			talk_close(&s);
			return r;
		}
	}
	r = talk_send_message(&s, a->msg, a->len);
	if (!r)
		r = talk_recv_message(&s, a->reply, &a->reply_len);
	talk_close(&s);
	if (r)
		return why_set(why, r, "%s does not answer over %s: %s",
			       net_to_text(&a->server, text),
			       a->over == ASK_TLS ? "TLS" : "TCP", strerror(-r));
	return 0;
}

/* What the server says about our signature, and what that asks for. */
static int signature_refused(const struct ask *a, struct why *why)
{
	char text[NET_TEXT_SIZE], name[DNAME_TEXT_MAX];
	struct tsig_claim claim;

	net_to_text(&a->server, text);
	name_text(a->key->name, name);
	if (tsig_read(a->reply, a->reply_len, &claim))
		return why_set(why, -EKEYREJECTED,
			       "%s answers %s without a signature: it does not know the key %s",
			       text, dns_rcode_text(dns_rcode(a->reply), (char[DNS_RCODE_TEXT]){ 0 }), name);
	if (claim.error == TSIG_BADKEY)
		return why_set(why, -EKEYREJECTED, "%s does not know the key %s (%s)", text,
			       name, tsig_algorithm_name(a->key->algorithm));
	if (claim.error == TSIG_BADSIG)
		return why_set(why, -EKEYREJECTED, "%s has another secret for the key %s",
			       text, name);
	if (claim.error == TSIG_BADTIME)
		return why_set(why, -EKEYREJECTED,
			       "the clocks of this machine and of %s differ", text);
	return why_set(why, -EKEYREJECTED, "the signature of %s under the key %s is wrong",
		       text, name);
}

static int check_reply(struct ask *a, const struct tsig_mac *mac, struct why *why)
{
	char text[NET_TEXT_SIZE];
	struct dns_shape shape;

	net_to_text(&a->server, text);
	if (a->reply_len < DNS_HEADER || dns_id(a->reply) != dns_id(a->msg) ||
	    !(dns_flags(a->reply) & DNS_QR) || dns_shape(a->reply, a->reply_len, &shape))
		return why_set(why, -EBADMSG, "the answer of %s is malformed", text);
	if (!a->key)
		return 0;
	if (tsig_check(a->reply, a->reply_len, a->key, mac) != TSIG_OK)
		return signature_refused(a, why);
	/* Its record is of no further use. */
	a->reply_len = shape.tsig_start;
	dns_put16(a->reply + 10, dns_count(a->reply, 3) - 1);
	return 0;
}

int ask(struct ask *a, struct why *why)
{
	struct tsig_mac mac = { 0 };
	int err = 0;

	if (!a->timeout_ms)
		a->timeout_ms = ASK_TIMEOUT_MS;
	if (a->key)
		err = tsig_sign(a->msg, &a->len, a->size, a->key, NULL, &mac, TSIG_OK, 0);
	if (err)
		return why_set(why, err, "the request cannot be signed: %s", strerror(-err));

	err = a->over == ASK_UDP ? ask_udp(a, why) : ask_over_stream(a, why);
	if (!err)
		err = check_reply(a, &mac, why);
	if (!err && a->over == ASK_UDP && dns_flags(a->reply) & DNS_TC) {
		a->over = ASK_TCP;
		err = ask_over_stream(a, why);
		if (!err)
			err = check_reply(a, &mac, why);
	}
	return err;
}

static uint16_t random_id(void)
{
	uint16_t id;

	while (getrandom(&id, sizeof(id), 0) != sizeof(id))
		;
	return id;
}

size_t ask_query(uint8_t *msg, const uint8_t *name, uint16_t type)
{
	struct dns_writer w;

	dns_writer_init(&w, msg, DNS_MAX - TSIG_ROOM, random_id(), 0);
	dns_put_question(&w, name, type, DNS_IN);
	dns_put_opt(&w, DNS_UDP_MAX, 0, NULL, 0);
	return w.len;
}

void ask_update_begin(struct dns_writer *w, uint8_t *msg, const uint8_t *zone)
{
	dns_writer_init(w, msg, DNS_MAX - TSIG_ROOM, random_id(), DNS_UPDATE << 11);
	dns_put_question(w, zone, DNS_SOA, DNS_IN);
}

/* --- zone transfers ------------------------------------------------------ */

struct transfer {
	unsigned int soas;	/* seen: the second ends it */
	uint32_t serial;
	bool begun;
};

/* 1: that was the last message; 0; -EBADMSG. */
static int count_soas(struct transfer *t, const uint8_t *msg, size_t len)
{
	struct dns_walk w;
	struct dns_rr rr;
	int r = dns_walk_init(&w, msg, len);

	while (!r && (r = dns_walk_rr(&w, &rr)) == 1 && w.section == 1) {
		r = 0;
		if (t->soas == 2 || (!t->begun && rr.type != DNS_SOA))
			return -EBADMSG;
		t->begun = true;
		if (rr.type != DNS_SOA)
			continue;
		if (rr.rdlen < 22)
			return -EBADMSG;
		t->soas++;
		t->serial = dns_u32(rr.rdata + rr.rdlen - 20);
	}
	return r < 0 ? r : t->soas == 2;
}

static int transfer_refused(const struct net_addr *server, const uint8_t *zone,
			    unsigned int rcode, struct why *why)
{
	char text[NET_TEXT_SIZE], name[DNAME_TEXT_MAX], buf[DNS_RCODE_TEXT];

	return why_set(why, -EACCES, "%s refuses to transfer %s (%s)",
		       net_to_text(server, text), name_text(zone, name),
		       dns_rcode_text(rcode, buf));
}

static int transfer_messages(struct talk *s, struct tsig_stream *ts,
			     const struct ask *a, const uint8_t *zone, ask_message_fn each,
			     void *arg, uint32_t *serial, struct why *why)
{
	struct transfer t = { 0 };
	struct ask said = *a;
	int r = 0;

	while (!r) {
		r = talk_recv_message(s, said.reply, &said.reply_len);
		if (r)
			return why_set(why, r, "the transfer broke off: %s", strerror(-r));
		if (said.reply_len < DNS_HEADER || dns_id(said.reply) != dns_id(a->msg))
			return why_set(why, -EBADMSG, "the transfer is malformed");
		if (ts && tsig_stream_check(ts, said.reply, said.reply_len) != TSIG_OK)
			return dns_rcode(said.reply) == DNS_REFUSED ?
				transfer_refused(&a->server, zone, DNS_REFUSED, why) :
				signature_refused(&said, why);
		if (dns_rcode(said.reply))
			return transfer_refused(&a->server, zone, dns_rcode(said.reply), why);
		r = count_soas(&t, said.reply, said.reply_len);
		if (r < 0)
			return why_set(why, r, "the transfer is malformed");
		if (each) {
			int e = each(arg, said.reply, said.reply_len);

			if (e)
				return e;
		}
	}
	if (ts && !tsig_stream_done(ts))
		return why_set(why, -EKEYREJECTED, "the end of the transfer is not signed");
	if (serial)
		*serial = t.serial;
	return 0;
}

int ask_transfer(const struct net_addr *server, const struct tsig_key *key,
		 const uint8_t *zone, ask_message_fn each, void *arg, uint32_t *serial,
		 struct why *why)
{
	uint8_t *room = malloc(2 * DNS_MAX);
	struct ask a = { .server = *server, .over = ASK_TCP, .key = key, .size = DNS_MAX };
	struct tsig_stream *ts = NULL;
	struct dns_writer w;
	struct tsig_mac mac;
	struct talk s;
	int r;

	if (!room)
		return why_set(why, -ENOMEM, "out of memory");
	a.msg = room;
	a.reply = room + DNS_MAX;
	dns_writer_init(&w, a.msg, DNS_MAX - TSIG_ROOM, random_id(), 0);
	dns_put_question(&w, zone, DNS_AXFR, DNS_IN);
	a.len = w.len;

	r = admin_talk(&s, server, true, ASK_TIMEOUT_MS, why);
	if (r) {
		free(room);
		return r;
	}
	if (key) {
		r = tsig_sign(a.msg, &a.len, a.size, key, NULL, &mac, TSIG_OK, 0);
		ts = r ? NULL : tsig_stream_new(key, &mac);
	}
	if (key && !ts)
		r = why_set(why, -ENOMEM, "out of memory");
	if (!r) {
		r = talk_send_message(&s, a.msg, a.len);
		if (r)
			why_set(why, r, "the request cannot be sent: %s", strerror(-r));
	}
	if (!r)
		r = transfer_messages(&s, ts, &a, zone, each, arg, serial, why);
	tsig_stream_free(ts);
	talk_close(&s);
	free(room);
	return r;
}
