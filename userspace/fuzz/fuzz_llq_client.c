// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server of Long-Lived Queries that says anything at any time: libFuzzer target
 * for the client. What the client tells must add up to what it knows, what it
 * sends must be well-formed, and it must never want to act before its time.
 *
 * The input is a list of steps: what to do, two octets of length or time, octets.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/llq/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define N_QUERIES	3

static const uint8_t host[] = "\4host\7example\3com";

static struct world {
	struct llq_client *c;
	uint64_t now;
	uint16_t id;			/* of the last request */
	struct llq_query *queries[N_QUERIES];
	long known[N_QUERIES];		/* records, by what was told */
	enum answers_status status[N_QUERIES];
	uint8_t llq[LLQ_ID_LEN];
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
	must(a->class_ == DNS_IN);
	*known += add ? 1 : -1;
	must(*known >= 0);
}

static void on_additional(void *arg, void *tag, const struct answer *a)
{
	(void)arg;
	(void)tag;
	must(a->type != DNS_OPT && a->type != DNS_TSIG);
}

static void on_settled(void *arg, void *tag, enum answers_status status)
{
	long *known = tag;

	(void)arg;
	w.status[known - w.known] = status;
	if (status == ANSWERS_UNKNOWN)
		*known = 0;
}

static void check(void)
{
	unsigned int i;

	for (i = 0; i < N_QUERIES; i++) {
		if (!w.queries[i])
			continue;
		must(llq_query_answers(w.queries[i])->n == (size_t)w.known[i]);
		must(llq_query_status(w.queries[i]) == w.status[i]);
	}
}

static void drain(void)
{
	uint8_t out[DNS_UDP_MAX];
	struct dns_shape shape;
	unsigned int n = 0;
	size_t len;

	do {
		len = llq_client_output(w.c, w.now, out, sizeof(out));
		if (!len)
			continue;
		must(!dns_shape(out, len, &shape) && shape.has_opt);
		w.id = dns_id(out);
		must(++n < 100);
	} while (len || (llq_client_deadline(w.c) <= w.now && ++n < 100));
	must(llq_client_deadline(w.c) > w.now);
	check();
}

static void hear(uint8_t how, const uint8_t *data, size_t len)
{
	uint8_t msg[4096], reply[DNS_UDP_MAX];
	struct dns_shape shape;
	size_t n, at;

	if (len > sizeof(msg))
		len = sizeof(msg);
	memcpy(msg, data, len);
	if (how & 1 && len >= DNS_HEADER)
		dns_put16(msg, w.id);
	/* The LLQ's ID, where the option usually stands */
	if (how & 2 && len > 64)
		for (at = 12; at + 22 <= len; at++)
			if (!memcmp(msg + at, "\0\1\0\22\0\1", 6))
				memcpy(msg + at + 10, w.llq, LLQ_ID_LEN);
	n = llq_client_input(w.c, w.now, msg, len, reply, sizeof(reply));
	must(!n || (!dns_shape(reply, n, &shape) && dns_flags(reply) & DNS_QR));
	check();
}

static void add(unsigned int i)
{
	static const uint16_t types[N_QUERIES] = { DNS_A, DNS_PTR, DNS_SRV };

	if (w.queries[i]) {
		llq_client_remove(w.c, w.queries[i], w.now);
		w.queries[i] = NULL;
		return;
	}
	w.known[i] = 0;
	w.status[i] = ANSWERS_UNKNOWN;
	w.queries[i] = llq_client_add(w.c, host, types[i], &w.known[i], w.now);
	must(w.queries[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct llq_client_ops ops = { on_change, on_additional, on_settled };
	struct llq_client_config config = { .lease = 7200, .seed = "fuzz" };
	uint8_t what;
	size_t n;

	if (size < 1)
		return 0;
	memset(&w, 0, sizeof(w));
	memcpy(w.llq, "\1\2\3\4\5\6\7\10", LLQ_ID_LEN);
	config.stream = data[0] & 1;
	w.c = llq_client_new(&config, &ops, NULL);
	must(w.c);
	add(0);
	drain();
	for (data++, size--; size >= 3; data += n, size -= n) {
		what = data[0];
		n = dns_u16(data + 1);
		data += 3;
		size -= 3;
		switch (what & 7) {
		case 4:
			w.now += n * 100;
			n = 0;
			break;
		case 5:
			add(n % N_QUERIES);
			n = 0;
			break;
		case 6:
			llq_client_moved(w.c, w.now);
			n = 0;
			break;
		case 7:
			if (n & 1)
				llq_client_pause(w.c);
			else
				llq_client_retry(w.c, w.now);
			n = 0;
			break;
		default:
			n = n < size ? n : size;
			hear(what, data, n);
		}
		drain();
	}
	llq_client_free(w.c);
	return 0;
}
