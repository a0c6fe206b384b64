// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A resolver that answers anything: libFuzzer target for discovery. It has to come
 * to an end, with servers that make sense.
 *
 * The input is a list of answers: what to do, two octets of length or time, octets.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/message.h"
#include "../lib/llq/discover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct discover *d)
{
	int s;

	for (s = 0; s < DISCOVER_SERVICES; s++) {
		const struct discover_server *server;
		size_t n, i;

		server = discover_servers(d, (enum discover_service)s, &n);
		must(n <= DISCOVER_SERVERS);
		for (i = 0; i < n; i++) {
			must(dname_check(server[i].target, DNAME_MAX) > 1 && server[i].port);
			must(server[i].n_addresses <= DISCOVER_ADDRESSES);
			must(!i || server[i].priority >= server[i - 1].priority);
		}
	}
	must(discover_ttl(d) >= 60 && discover_ttl(d) <= 86400);
	must((discover_state(d) == DISCOVER_ASKING) == (discover_deadline(d) != UINT64_MAX));
	must(discover_state(d) != DISCOVER_DONE || discover_zone(d));
}

/* The question as it was asked, and then what the input says. */
static void answer(struct discover *d, uint8_t how, const uint8_t *question, size_t len,
		   const uint8_t *data, size_t n)
{
	uint8_t msg[4096], *exact;

	if (how & 8 || !len) {
		len = 0;
	} else {
		/* Without its OPT */
		len -= 11;
		memcpy(msg, question, len);
		dns_put16(msg + 2, (uint16_t)(DNS_QR | how >> 4));
		memset(msg + 6, 0, 6);
		if (n >= 3) {
			msg[7] = data[0] & 15;
			msg[9] = data[1] & 3;
			msg[11] = data[2] & 3;
			data += 3;
			n -= 3;
		}
	}
	if (n > sizeof(msg) - len)
		n = sizeof(msg) - len;
	memcpy(msg + len, data, n);
	exact = malloc(len + n + !(len + n));
	must(exact);
	memcpy(exact, msg, len + n);
	discover_input(d, exact, len + n);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t name[] = "\4host\5alice\7example\3com";
	static const uint8_t seed[DRAW_SEED] = "fuzz";
	uint8_t out[DNS_UDP_MAX];
	uint64_t now = 1000;
	struct discover *d;
	size_t len = 0, n;

	if (size < 1)
		return 0;
	d = discover_new(data[0] & 1 ? name + 5 : name, data[0] & 1, seed, now);
	must(d);
	for (data++, size--; size >= 3; data += n, size -= n) {
		uint8_t how = data[0];
		size_t got = discover_output(d, now, out, sizeof(out));

		if (got)
			len = got;
		n = dns_u16(data + 1);
		data += 3;
		size -= 3;
		if ((how & 7) == 7) {
			now += n;
			n = 0;
		} else {
			n = n < size ? n : size;
			answer(d, how, out, len, data, n);
		}
		check(d);
	}
	/* Nobody answers any more. */
	for (n = 0; discover_state(d) == DISCOVER_ASKING; n++) {
		must(n < 10000);
		while (discover_output(d, now, out, sizeof(out)))
			;
		if (discover_deadline(d) != UINT64_MAX && discover_deadline(d) > now)
			now = discover_deadline(d);
	}
	check(d);
	discover_free(d);
	return 0;
}
