// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a local user may write to the control socket, and what a daemon may answer:
 * octets are cut into messages in whatever pieces they come, and what is read can be
 * written and read again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/varlink/message.h"

#define MAX	512	/* octets of a message: small, so that it is met */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void call(const char *text, size_t len)
{
	struct varlink_call c, again;
	size_t n;
	char *out;

	if (varlink_call_read(text, len, &c))
		return;
	must(c.method && json_is_object(c.params));
	out = varlink_call_write(c.method, c.params, c.more, &n);
	must(out && strlen(out) + 1 == n && !varlink_call_read(out, n - 1, &again));
	must(!strcmp(c.method, again.method) && c.more == again.more &&
	     json_equal(c.params, again.params));
	varlink_call_done(&again);
	varlink_call_done(&c);
	free(out);
}

static void reply(const char *text, size_t len)
{
	struct varlink_reply r, again;
	size_t n;
	char *out;

	if (varlink_reply_read(text, len, &r))
		return;
	must(json_is_object(r.params));
	if (r.error)
		out = varlink_error_write(r.error, json_incref(r.params), &n);
	else
		out = varlink_reply_write(json_incref(r.params), r.continues, &n);
	must(out && strlen(out) + 1 == n && !varlink_reply_read(out, n - 1, &again));
	must(!r.error == !again.error && json_equal(r.params, again.params));
	must(r.error ? !strcmp(r.error, again.error) : r.continues == again.continues);
	varlink_reply_done(&again);
	varlink_reply_done(&r);
	free(out);
}

/* The messages in pieces of @step octets; returns how many there were. */
static unsigned int messages(const uint8_t *data, size_t size, size_t step)
{
	struct varlink_in in;
	unsigned int n = 0;
	size_t pos = 0, len, room;
	const char *msg;
	int r = 0;

	varlink_in_init(&in, MAX);
	while (pos < size) {
		char *p = varlink_in_room(&in, &room);

		must(p && room);
		if (room > step)
			room = step;
		if (room > size - pos)
			room = size - pos;
		memcpy(p, data + pos, room);
		pos += room;
		varlink_in_put(&in, room);
		while ((r = varlink_in_next(&in, &msg, &len)) > 0) {
			must(len < MAX && !memchr(msg, 0, len) && !msg[len]);
			n++;
			if (step != 1) {
				call(msg, len);
				reply(msg, len);
			}
		}
		if (r < 0)
			break;
	}
	must(r == 0 || r == -EMSGSIZE);
	varlink_in_free(&in);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* not by json_object_seed()'s own draw, so that a finding comes again */
	json_object_seed(1);
	must(messages(data, size, 1) == messages(data, size, 100));
	return 0;
}
