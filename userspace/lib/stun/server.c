// SPDX-License-Identifier: GPL-2.0-or-later
#include "server.h"

#include "../dns/message.h"

/* A request that has more is answered with these: it is wrong in any case, and
 * the answer must stay small.
 */
#define UNKNOWN_MAX	16

/* The types that would have to be understood and are not, as they go on the wire;
 * returns how many.
 */
static size_t unknown(struct stun *s, uint8_t types[2 * UNKNOWN_MAX])
{
	struct stun_attr a;
	size_t n = 0;

	while (n < UNKNOWN_MAX && stun_next(s, &a)) {
		if (stun_known(a.type))
			continue;
		dns_put16(types + 2 * n, a.type);
		n++;
	}
	return n;
}

size_t stun_answer(const uint8_t *req, size_t len, const struct stun_address *from,
		   uint8_t out[STUN_MAX])
{
	/* Reserved, class and number, reason */
	static const uint8_t error[] = { 0, 0, 4, 20, 'U', 'n', 'k', 'n', 'o', 'w', 'n' };
	uint8_t types[2 * UNKNOWN_MAX];
	struct stun_writer w;
	struct stun s;
	size_t n;

	if (stun_read(req, len, &s) || s.type != STUN_REQUEST)
		return 0;

	n = unknown(&s, types);
	stun_writer_init(&w, out, n ? STUN_ERROR : STUN_SUCCESS, stun_tid(req));
	if (n) {
		stun_put(&w, STUN_A_ERROR_CODE, error, sizeof(error));
		stun_put(&w, STUN_A_UNKNOWN, types, 2 * n);
	} else {
		stun_put_address(&w, from);
	}
	stun_put_fingerprint(&w);
	return w.len;
}
