// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A DNS Push server that says anything at any time: libFuzzer target for the
 * client. What the client tells must add up to what it knows, what it sends must be
 * well-formed, and it must never want to act before its time.
 *
 * The input is a list of steps: what to do, two octets of length or time, octets.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/dso.h"
#include "../lib/llq/push_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_QUERIES	3

static const uint8_t zone[] = "\7example\3com";
static const uint8_t host[] = "\4host\7example\3com";

static struct world {
	struct push_client *c;
	uint64_t now;
	bool stream;
	uint16_t id;			/* of the last request */
	struct push_query *queries[N_QUERIES];
	long known[N_QUERIES];		/* records, by what was told */
	enum answers_status status[N_QUERIES];
} w;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void on_change(void *arg, void *tag, bool add, const struct answer *a)
{
	long *known = tag;

	(void)arg;
	must(a->class_ == DNS_IN && a->type != DNS_ANY);
	*known += add ? 1 : -1;
	must(*known >= 0);
}

static void on_again(void *arg, void *tag, const struct answer *a)
{
	const long *known = tag;

	(void)arg;
	must(*known > 0 && a->class_ == DNS_IN);
}

static void on_settled(void *arg, void *tag, enum answers_status status)
{
	long *known = tag;

	(void)arg;
	w.status[known - w.known] = status;
	if (status == ANSWERS_UNKNOWN)
		*known = 0;
}

static int sign(void *arg, uint8_t *msg, size_t *len, size_t size, const struct tsig_mac *prior,
		struct tsig_mac *mac)
{
	(void)arg;
	must(!prior && *len <= size);
	*mac = (struct tsig_mac){ .len = 2, .b = { msg[0], msg[1] } };
	return 0;
}

/* By a bit that the answer has no use for */
static enum signer_result verify(void *arg, const uint8_t *msg, size_t len,
				 const struct tsig_mac *prior, struct tsig_mac *mac,
				 uint64_t *time)
{
	(void)arg;
	must(len >= DNS_HEADER && prior->len == 2);
	*mac = *prior;
	*time = 0;
	if (msg[3] & 0x10)
		return SIGNER_BAD;
	return msg[3] & 0x20 ? SIGNER_AGAIN : SIGNER_GOOD;
}

static void check(void)
{
	unsigned int i;

	for (i = 0; i < N_QUERIES; i++) {
		if (!w.queries[i])
			continue;
		must(push_query_answers(w.queries[i])->n == (size_t)w.known[i]);
		must(push_query_status(w.queries[i]) == w.status[i]);
	}
}

static void obey(void)
{
	static const uint8_t channel[PUSH_CHANNEL_LEN];
	enum push_wish wish;

	while ((wish = push_client_wish(w.c, w.now)) != PUSH_NOTHING) {
		must(wish != PUSH_CONNECT || !w.stream);
		w.stream = wish == PUSH_CONNECT;
		if (w.stream)
			push_client_connected(w.c, w.now, channel);
	}
}

static void drain(void)
{
	uint8_t out[DNS_UDP_MAX];
	struct dns_shape shape;
	unsigned int n = 0;
	struct dso d;
	size_t len;

	do {
		obey();
		len = push_client_output(w.c, w.now, out, sizeof(out));
		must(++n < 100);
		if (!len)
			continue;
		must(w.stream);
		if (dns_opcode(out) == DNS_DSO)
			must(!dso_read(out, len, &d) && d.kind != DSO_INVALID);
		else
			must(!dns_shape(out, len, &shape) && shape.has_opt);
		if (dns_id(out) && !(dns_flags(out) & DNS_QR))
			w.id = dns_id(out);
	} while (len || push_client_deadline(w.c) <= w.now);
	check();
}

/* The header is made to fit, so that something is reached behind it. */
static void hear(uint8_t how, const uint8_t *data, size_t len)
{
	uint8_t msg[20000] = { 0 }, *exact;
	size_t head = how & 8 ? 0 : DNS_HEADER;

	if (len > sizeof(msg) - head)
		len = sizeof(msg) - head;
	memcpy(msg + head, data, len);
	len += head;
	if (head) {
		dns_put16(msg + 2, DNS_DSO << 11);
		if (how & 1) {
			dns_put16(msg, w.id);
			dns_put16(msg + 2, DNS_QR | DNS_DSO << 11 | (how >> 4 & 15));
		}
	} else if (how & 1 && len >= DNS_HEADER) {
		dns_put16(msg, w.id);
	}
	exact = malloc(len + !len);
	must(exact);
	memcpy(exact, msg, len);
	push_client_input(w.c, w.now, exact, len);
	free(exact);
	check();
}

static void add(unsigned int i)
{
	static const uint16_t types[N_QUERIES] = { DNS_A, DNS_PTR, DNS_ANY };

	if (w.queries[i]) {
		push_client_remove(w.c, w.queries[i], w.now);
		w.queries[i] = NULL;
		return;
	}
	w.known[i] = 0;
	w.status[i] = ANSWERS_UNKNOWN;
	w.queries[i] = push_client_add(w.c, host, types[i], &w.known[i], w.now);
	must(w.queries[i]);
}

static void step(uint8_t what, size_t n)
{
	switch (what & 7) {
	case 4:
		w.now += n * 100;
		break;
	case 5:
		add(n % N_QUERIES);
		break;
	case 6:
		w.stream = false;
		push_client_closed(w.c, w.now);
		break;
	case 7:
		if (n % 3 == 0)
			push_client_moved(w.c, w.now);
		else if (n % 3 == 1)
			push_client_pause(w.c, w.now);
		else
			push_client_retry(w.c, w.now);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct push_client_ops ops = { on_change, on_again, on_settled };
	struct push_client_config config = { .zone = zone, .stale = 60, .seed = "fuzz" };
	uint8_t what;
	size_t n;

	if (size < 1)
		return 0;
	memset(&w, 0, sizeof(w));
	if (data[0] & 1)
		config.signer = (struct signer){ NULL, sign, verify };
	w.c = push_client_new(&config, &ops, NULL);
	must(w.c);
	add(0);
	drain();
	for (data++, size--; size >= 3; data += n, size -= n) {
		what = data[0];
		n = dns_u16(data + 1);
		data += 3;
		size -= 3;
		if ((what & 7) < 4) {
			n = n < size ? n : size;
			hear(what, data, n);
		} else {
			step(what, n);
			n = 0;
		}
		drain();
	}
	push_client_free(w.c);
	return 0;
}
