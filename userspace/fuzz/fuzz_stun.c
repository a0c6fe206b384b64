// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What anybody may send to the STUN server, and to the client as an answer: an
 * answer is short and right, and the client reads the address that it says.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/stun/client.h"
#include "../lib/stun/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void serve(const uint8_t *data, size_t size)
{
	struct stun_address from = { .port = 4500 };
	uint8_t out[STUN_MAX];
	struct stun_client c;
	struct stun s;
	size_t len;

	memset(&from.ip, size & 255, sizeof(from.ip));
	len = stun_answer(data, size, &from, out);
	if (!len)
		return;

	must(len <= size + STUN_ANSWER_EXTRA && !stun_read(out, len, &s));
	must(!memcmp(stun_tid(out), stun_tid(data), STUN_TID));
	/* An answer is no request, so two servers cannot talk for ever. */
	must(!stun_answer(out, len, &from, out));

	stun_client_start(&c, stun_tid(data), 0);
	must(stun_client_output(&c, 0, out));
	len = stun_answer(data, size, &from, out);
	must(stun_client_input(&c, out, len));
	if (c.state == STUN_MAPPED)
		must(!memcmp(&c.mapped.ip, &from.ip, sizeof(from.ip)) &&
		     c.mapped.port == from.port);
	else
		must(c.state == STUN_REFUSED && c.error == 420);
}

static void ask(const uint8_t *data, size_t size)
{
	uint8_t out[STUN_MAX], tid[STUN_TID] = { 0 };
	struct stun_client c;

	if (size >= STUN_HEADER)
		memcpy(tid, stun_tid(data), sizeof(tid));
	stun_client_start(&c, tid, 0);
	must(stun_client_output(&c, 0, out));
	if (stun_client_input(&c, data, size))
		must(c.state == STUN_MAPPED || (c.state == STUN_REFUSED && c.error >= 300));
	else
		must(c.state == STUN_ASKING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	serve(data, size);
	ask(data, size);
	return 0;
}
