// SPDX-License-Identifier: GPL-2.0-or-later
#include "client.h"

#include <string.h>

void stun_client_start(struct stun_client *c, const uint8_t tid[STUN_TID], uint64_t now)
{
	*c = (struct stun_client){
		.state = STUN_ASKING, .rto = STUN_RTO, .deadline = now,
	};
	memcpy(c->tid, tid, STUN_TID);
}

static void finish(struct stun_client *c, enum stun_state state)
{
	c->state = state;
	c->deadline = UINT64_MAX;
}

size_t stun_client_output(struct stun_client *c, uint64_t now, uint8_t out[STUN_MAX])
{
	struct stun_writer w;

	if (c->state != STUN_ASKING || now < c->deadline)
		return 0;
	if (c->sent == STUN_TRIES) {
		finish(c, STUN_SILENT);
		return 0;
	}

	/* From now, not from when it was due: who slept must not send a burst. */
	c->deadline = now + ((uint64_t)c->rto << c->sent);
	if (++c->sent == STUN_TRIES)
		c->deadline = now + (uint64_t)STUN_LAST_WAIT * c->rto;

	stun_writer_init(&w, out, STUN_REQUEST, c->tid);
	stun_put_fingerprint(&w);
	return w.len;
}

bool stun_client_input(struct stun_client *c, const uint8_t *msg, size_t len)
{
	struct stun_address mapped;
	unsigned int error = 0;
	bool found = false;
	struct stun_attr a;
	struct stun s;

	if (c->state != STUN_ASKING || !c->sent || stun_read(msg, len, &s) ||
	    (s.type != STUN_SUCCESS && s.type != STUN_ERROR) ||
	    memcmp(stun_tid(msg), c->tid, STUN_TID))
		return false;

	while (stun_next(&s, &a)) {
		if (!stun_known(a.type) && s.type == STUN_SUCCESS)
			return false;
		/* The first of a kind counts (RFC 8489 14). */
		if (a.type == STUN_A_XOR_MAPPED_ADDRESS && !found)
			found = !stun_address_read(&a, c->tid, &mapped);
		if (a.type == STUN_A_ERROR_CODE && !error && a.len >= 4)
			error = (a.data[2] & 7) * 100u + a.data[3] % 100;
	}

	if (s.type == STUN_ERROR) {
		if (error < 300 || error > 699)
			return false;
		c->error = error;
		finish(c, STUN_REFUSED);
		return true;
	}
	if (!found)
		return false;
	c->mapped = mapped;
	finish(c, STUN_MAPPED);
	return true;
}
