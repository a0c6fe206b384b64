// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Servers that say anything at any time: libFuzzer target for the observer of the own
 * address. It asks neither often nor never, and believes nothing but answers.
 *
 * The input is a list: what to do, one octet more, and octets.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/stun/observer.h"
#include "../lib/stun/server.h"

#define SERVERS	3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct stun_address address(unsigned int i)
{
	struct stun_address a = { .port = (uint16_t)(3478 + (i > 1)) };

	memset(a.ip.s6_addr + 10, 0xff, 2);
	a.ip.s6_addr[12] = 192;
	a.ip.s6_addr[15] = (uint8_t)(1 + i % 2);
	return a;
}

/* The last request of each server */
static struct {
	uint8_t msg[STUN_MAX];
	size_t len;
} asked[SERVERS];

static void pump(struct stun_observer *o, uint64_t now)
{
	uint8_t out[STUN_MAX];
	struct stun_address to;
	unsigned int i, n = 0;
	size_t len;

	while ((len = stun_observer_output(o, now, out, &to))) {
		must(++n <= 2 * SERVERS);
		for (i = 0; i < SERVERS; i++) {
			struct stun_address a = address(i);

			if (!memcmp(&a.ip, &to.ip, sizeof(a.ip)) && a.port == to.port)
				break;
		}
		must(i < SERVERS);
		memcpy(asked[i].msg, out, len);
		asked[i].len = len;
	}
	must(stun_observer_deadline(o) > now);
	must(stun_observer_state(o) == STUN_OBSERVER_IDLE ||
	     stun_observer_deadline(o) != UINT64_MAX);
}

/* What the input says, with the transaction ID of a question if it has a header */
static size_t forge(unsigned int i, const uint8_t *data, size_t size, uint8_t out[STUN_MAX])
{
	if (size > STUN_MAX)
		size = STUN_MAX;
	memcpy(out, data, size);
	if (size >= STUN_HEADER && asked[i].len)
		memcpy(out + 8, stun_tid(asked[i].msg), STUN_TID);
	return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stun_observer_config config = { .period = 20000, .period_public = 60000 };
	struct stun_address list[SERVERS];
	struct stun_observer o;
	uint8_t msg[STUN_MAX];
	uint64_t now = 1;
	unsigned int i;

	memset(asked, 0, sizeof(asked));
	stun_observer_init(&o, &config);
	for (i = 0; i < SERVERS; i++)
		list[i] = address(i);
	must(!stun_observer_servers(&o, list, SERVERS, now));

	while (size >= 2) {
		unsigned int who = data[0] >> 4 & 3, changes = stun_observer_changes(&o);
		struct stun_address from = address(who % SERVERS), seen = address(data[1]);
		uint8_t arg = data[1];
		size_t len;

		i = who % SERVERS;
		data += 2;
		size -= 2;
		switch (data[-2] & 7) {
		case 0:
			now += (uint64_t)arg * arg;
			break;
		case 1:
			stun_observer_moved(&o, arg & 1 ? &seen : NULL, now);
			must(stun_observer_changes(&o) != changes);
			break;
		case 2:
			stun_observer_pause(&o);
			must(!stun_observer_mapped(&o));
			break;
		case 3:
			if (arg & 1)
				stun_observer_retry(&o, now);
			else
				stun_observer_measure(&o, now);
			break;
		case 4:
			seen.port = (uint16_t)(1000 + arg);
			len = stun_answer(asked[i].msg, asked[i].len, &seen, msg);
			stun_observer_input(&o, now, &from, msg, len);
			break;
		default:
			len = forge(i, data, arg < size ? arg : size, msg);
			if (!stun_observer_input(&o, now, &from, msg, len))
				must(stun_observer_changes(&o) == changes);
			len = arg < size ? arg : size;
			data += len;
			size -= len;
			break;
		}
		pump(&o, now);
		must(!stun_observer_mapped(&o) == (stun_observer_state(&o) != STUN_OBSERVER_KNOWS));
		must(stun_observer_last(&o) || !stun_observer_mapped(&o));
		must(stun_observer_mapping(&o) == STUN_MAPPING_UNKNOWN || stun_observer_mapped(&o));
	}
	return 0;
}
