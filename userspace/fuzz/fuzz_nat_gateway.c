// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A gateway that says anything at any time. The engine never sends more than a few
 * datagrams at a time, never wants to act before its time, and what it tells of its
 * mappings fits together.
 *
 * The input is a list of steps: what to do, an octet of length or time, octets.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/message.h"
#include "../lib/nat/gateway.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ipv4 router = { { 192, 168, 1, 1 } };
static const uint16_t ports[] = { 4500, 5353, 9, 10, 11 };

static struct world {
	struct gateway *g;
	uint64_t now;
	uint8_t last[GATEWAY_OUT];
	size_t len;
} w;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void drain(void)
{
	struct gateway_mapping m;
	uint8_t out[GATEWAY_OUT];
	unsigned int n = 0;
	size_t len, i;

	while ((len = gateway_output(w.g, w.now, out))) {
		must(++n < 16 && (len == 2 || len == 12 || len == PCP_MAP_LEN));
		memcpy(w.last, out, len);
		w.len = len;
	}
	must(gateway_deadline(w.g) > w.now);
	for (i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		if (!gateway_mapping(w.g, ports[i], &m))
			continue;
		must(m.internal == ports[i] && gateway_reason_text(m.reason));
		must(!m.external == !m.expires);
		must(!m.external || (m.expires > w.now && m.granted <= w.now));
		must(!m.external || m.expires <= m.granted + 86400000);
		must(m.external || !m.doubtful);
	}
	must(gateway_protocol_text(gateway_protocol(w.g)));
	gateway_changed(w.g);
	must(!gateway_changed(w.g));
}

/* As an answer to what was asked last, changed where the octets say so */
static void answer(bool announced, const uint8_t *data, size_t len)
{
	uint8_t msg[64] = { 0 }, *exact;
	size_t i, n = w.len == 2 ? 12 : w.len == 12 ? 16 : w.len;

	if (announced && w.len == 2)
		n = 12;
	memcpy(msg, w.last, w.len);
	msg[1] |= 0x80;
	if (w.len == 12)
		memcpy(msg + 8, w.last + 4, 4);
	if (w.len != PCP_MAP_LEN)
		dns_put32(msg + 4, (uint32_t)(w.now / 1000));
	else
		dns_put32(msg + 8, (uint32_t)(w.now / 1000));
	for (i = 0; i + 1 < len; i += 2)
		msg[data[i] % sizeof(msg)] = data[i + 1];
	exact = malloc(n + !n);
	must(exact);
	memcpy(exact, msg, n);
	if (announced)
		gateway_announced(w.g, w.now, router, exact, n);
	else
		gateway_input(w.g, w.now, router, exact, n);
	free(exact);
}

static void raw(bool announced, const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len + !len);

	must(exact);
	memcpy(exact, data, len);
	if (announced)
		gateway_announced(w.g, w.now, router, exact, len);
	else
		gateway_input(w.g, w.now, router, exact, len);
	free(exact);
}

static void step(uint8_t what, uint8_t n)
{
	struct ipv4 own = { { 192, 168, 1, n } };

	switch (what) {
	case 4:
		w.now += n;
		break;
	case 5:
		w.now += n * 1000ull;
		break;
	case 6:
		w.now += n * 60000ull;
		break;
	case 7:
		gateway_unreachable(w.g, w.now);
		break;
	case 8:
		gateway_map(w.g, ports[n % 5], n, w.now);
		break;
	case 9:
		gateway_unmap(w.g, ports[n % 5], w.now);
		break;
	case 10:
		gateway_moved(w.g, own, w.now);
		break;
	case 11:
		gateway_retry(w.g, w.now);
		break;
	case 12:
		if (n == 42)
			gateway_stop(w.g, w.now);
		break;
	case 13:
		gateway_check(w.g, w.now);
		break;
	default: /* what waits for its time */
		if (gateway_deadline(w.g) != UINT64_MAX)
			w.now = gateway_deadline(w.g);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gateway_config config = {
		.gateway = router, .own = { { 192, 168, 1, 10 } }, .nonce = "nonce", .seed = "fuzz",
		.refresh = size & 1 ? 120 : 0,
	};
	uint8_t what;
	size_t n;

	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	w.g = gateway_new(&config);
	must(w.g && !gateway_map(w.g, 4500, 0, w.now));
	drain();
	for (; size >= 2; data += n, size -= n) {
		what = data[0] & 15;
		n = data[1];
		data += 2;
		size -= 2;
		if (what >= 4) {
			step(what, (uint8_t)n);
			n = 0;
		} else {
			n = n < size ? n : size;
			if (what & 2)
				raw(what & 1, data, n);
			else
				answer(what & 1, data, n);
		}
		drain();
	}
	gateway_free(w.g);
	return 0;
}
