// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the child says, and what devices say to the child: frames and SSDP answers of
 * any octets, and a UPnP engine whose child answers anything at any time.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/nat/upnp.h"
#include "../lib/nat/upnp_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ipv4 router = { { 192, 168, 1, 1 } };
static const uint16_t ports[] = { 4500, 5353, 9, 10, 11 };
static const uint16_t states[] = {
	UPNP_OK, UPNP_NO_DEVICE, UPNP_FOREIGN, UPNP_FAILED, UPNP_INVALID_ACTION,
	UPNP_INVALID_ARGS, UPNP_ACTION_FAILED, UPNP_NOT_AUTHORIZED, UPNP_NO_SUCH_ENTRY,
	UPNP_CONFLICT, UPNP_SAME_PORT, UPNP_ONLY_PERMANENT, UPNP_NO_PORTS, 899, UPNP_OK, UPNP_OK,
};

static struct world {
	struct upnp *u;
	uint64_t now;
	struct upnp_request q;
} w;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void parse(const uint8_t *data, size_t size)
{
	uint8_t out[UPNP_MSG_MAX];
	struct upnp_response a;
	struct upnp_request q;
	char url[UPNP_URL_MAX];
	struct ipv4 host;
	int n;

	n = upnp_request_read(data, size, &q);
	if (n > 0)
		must((size_t)n <= size && upnp_request_put(out, &q) == (size_t)n &&
		     !memcmp(out, data, (size_t)n));
	n = upnp_response_read(data, size, &a);
	if (n > 0)
		must((size_t)n <= size && upnp_response_put(out, &a) == (size_t)n);
	if (upnp_search_location(data, size, router, url))
		must(upnp_url_host(url, &host) && ipv4_equal(host, router));
}

static void drain(void)
{
	struct upnp_mapping m;
	size_t i;

	if (upnp_output(w.u, w.now, &w.q)) {
		must(w.q.op >= UPNP_DISCOVER && w.q.op <= UPNP_DELETE);
		must(w.q.op <= UPNP_ADDRESS || w.q.external);
		must(!upnp_output(w.u, w.now, &w.q));
	}
	must(upnp_deadline(w.u) > w.now);
	for (i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		if (!upnp_mapping(w.u, ports[i], &m))
			continue;
		must(m.internal == ports[i] && upnp_reason_text(m.reason));
		must(!m.external == !m.expires);
		must(!m.external || (m.expires > w.now && m.granted <= w.now));
		must(m.external || !m.doubtful);
	}
}

static void answer(const uint8_t *data)
{
	struct upnp_response a = {
		.op = w.q.op, .id = w.q.id, .status = states[data[0] & 15],
		.version = data[0] >> 4 & 3, .enabled = !(data[0] & 0x40), .address = router,
		.external = w.q.external + (data[1] & 3), .internal = 4500, .lease = data[2],
	};

	if (w.q.op == UPNP_GET && !(data[1] & 4))
		a.address = w.q.own;
	if (data[1] & 8)
		a.external = 0;
	upnp_input(w.u, w.now, &a);
}

static void step(uint8_t what, uint8_t n)
{
	switch (what) {
	case 0:
		w.now += n * 10ull;
		break;
	case 1:
		w.now += n * 10000ull;
		break;
	case 2:
		upnp_map(w.u, ports[n % 5], n, w.now);
		break;
	case 3:
		upnp_unmap(w.u, ports[n % 5], w.now);
		break;
	case 4:
		upnp_yield(w.u, ports[n % 5], n & 0x80 ? 0 : 4500 + (n >> 5), w.now);
		break;
	case 5:
		upnp_lost(w.u, w.now);
		break;
	case 6:
		upnp_check(w.u, w.now);
		break;
	case 7:
		upnp_moved(w.u, router, w.now);
		break;
	case 8:
		if (n == 42)
			upnp_stop(w.u, w.now);
		break;
	case 9:
		upnp_go(w.u, w.now);
		break;
	default:
		if (upnp_stuck(w.u))
			upnp_lost(w.u, w.now);
		else if (upnp_deadline(w.u) != UINT64_MAX)
			w.now = upnp_deadline(w.u);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct upnp_config config = {
		.gateway = router, .own = { { 192, 168, 1, 10 } }, .grace = UPNP_GRACE,
		.description = "btmm", .seed = "fuzz", .refresh = size & 1 ? 120 : 0,
	};

	parse(data, size);
	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	w.u = upnp_new(&config);
	must(w.u && !upnp_map(w.u, 4500, 0, w.now));
	drain();
	for (; size >= 4; data += 4, size -= 4) {
		if (data[0] & 0x80)
			step(data[0] & 15, data[1]);
		else
			answer(data + 1);
		drain();
	}
	upnp_free(w.u);
	return 0;
}
