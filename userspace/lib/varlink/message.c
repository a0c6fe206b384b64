// SPDX-License-Identifier: GPL-2.0-or-later
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE	512

/* --- octets to messages ---------------------------------------------------------- */

void varlink_in_init(struct varlink_in *in, size_t max)
{
	memset(in, 0, sizeof(*in));
	in->max = max;
}

void varlink_in_free(struct varlink_in *in)
{
	free(in->b);
	varlink_in_init(in, in->max);
}

char *varlink_in_room(struct varlink_in *in, size_t *n)
{
	if (in->from) {
		memmove(in->b, in->b + in->from, in->len);
		in->from = 0;
	}
	if (in->len == in->size) {
		size_t size = in->size ? 2 * in->size : FIRST_SIZE;
		char *b;

		if (size > in->max)
			size = in->max;
		if (size <= in->len)
			return NULL;
		b = realloc(in->b, size);
		if (!b)
			return NULL;
		in->b = b;
		in->size = size;
	}
	*n = in->size - in->len;
	return in->b + in->len;
}

void varlink_in_put(struct varlink_in *in, size_t n)
{
	in->len += n;
}

int varlink_in_next(struct varlink_in *in, const char **msg, size_t *len)
{
	const char *p, *end;

	if (in->looked == in->len)
		return in->len >= in->max ? -EMSGSIZE : 0;
	p = in->b + in->from;
	end = memchr(p + in->looked, '\0', in->len - in->looked);
	if (!end) {
		in->looked = in->len;
		return in->len >= in->max ? -EMSGSIZE : 0;
	}
	*msg = p;
	*len = end - p;
	in->from += *len + 1;
	in->len -= *len + 1;
	in->looked = 0;
	return 1;
}

/* --- messages -------------------------------------------------------------------- */

/* jansson goes down into what it reads: not further than we ever would. */
static bool is_shallow(const char *text, size_t len)
{
	unsigned int depth = 0;
	bool quoted = false;
	size_t i;

	for (i = 0; i < len; i++) {
		if (quoted) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				quoted = false;
		} else if (text[i] == '"') {
			quoted = true;
		} else if (text[i] == '{' || text[i] == '[') {
			if (++depth > VARLINK_DEPTH_MAX)
				return false;
		} else if (text[i] == '}' || text[i] == ']') {
			if (!depth--)
				return false;
		}
	}
	return true;
}

/* An object, with the object "parameters" in it: an empty one if there was none. */
static int read_object(const char *text, size_t len, json_t **root, json_t **params)
{
	json_error_t err;
	json_t *o;

	if (!is_shallow(text, len))
		return -EBADMSG;
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &err);
	if (!o)
		return json_error_code(&err) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
	if (!json_is_object(o))
		goto bad;

	*params = json_object_get(o, "parameters");
	if (!*params || json_is_null(*params)) {
		*params = json_object();
		if (json_object_set_new(o, "parameters", *params)) {
			json_decref(o);
			return -ENOMEM;
		}
	}
	if (!json_is_object(*params))
		goto bad;
	*root = o;
	return 0;
bad:
	json_decref(o);
	return -EBADMSG;
}

/* False: it is there, and neither true nor false. */
static bool read_flag(const json_t *root, const char *name, bool *out)
{
	const json_t *v = json_object_get(root, name);

	*out = json_is_true(v);
	return !v || json_is_boolean(v) || json_is_null(v);
}

int varlink_call_read(const char *text, size_t len, struct varlink_call *out)
{
	struct varlink_call c = { 0 };
	json_t *params;
	int err = read_object(text, len, &c.root, &params);

	if (err)
		return err;
	c.params = params;
	c.method = json_string_value(json_object_get(c.root, "method"));
	if (!c.method || !read_flag(c.root, "more", &c.more) ||
	    !read_flag(c.root, "oneway", &c.oneway)) {
		json_decref(c.root);
		return -EBADMSG;
	}
	*out = c;
	return 0;
}

void varlink_call_done(struct varlink_call *call)
{
	json_decref(call->root);
	memset(call, 0, sizeof(*call));
}

int varlink_reply_read(const char *text, size_t len, struct varlink_reply *out)
{
	struct varlink_reply r = { 0 };
	const json_t *error;
	int err = read_object(text, len, &r.root, &r.params);

	if (err)
		return err;
	error = json_object_get(r.root, "error");
	r.error = json_string_value(error);
	if ((error && !r.error && !json_is_null(error)) ||
	    !read_flag(r.root, "continues", &r.continues)) {
		json_decref(r.root);
		return -EBADMSG;
	}
	*out = r;
	return 0;
}

void varlink_reply_done(struct varlink_reply *reply)
{
	json_decref(reply->root);
	memset(reply, 0, sizeof(*reply));
}

/* Frees @o; NULL is what no memory made of it. */
static char *write_out(json_t *o, size_t *len)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	if (text)
		*len = strlen(text) + 1;
	return text;
}

char *varlink_call_write(const char *method, const json_t *params, bool more, size_t *len)
{
	json_t *o = json_object();

	if (json_object_set_new(o, "method", json_string(method)) ||
	    (params && json_object_set(o, "parameters", (json_t *)params)) ||
	    (more && json_object_set_new(o, "more", json_true()))) {
		json_decref(o);
		return NULL;
	}
	return write_out(o, len);
}

char *varlink_reply_write(json_t *params_stolen, bool continues, size_t *len)
{
	json_t *o = json_object();

	/* json_object_set_new() takes its value even when it fails. */
	if (json_object_set_new(o, "parameters", params_stolen ? params_stolen : json_object()) ||
	    (continues && json_object_set_new(o, "continues", json_true()))) {
		json_decref(o);
		return NULL;
	}
	return write_out(o, len);
}

char *varlink_error_write(const char *name, json_t *params_stolen, size_t *len)
{
	json_t *o = json_object();

	if (json_object_set_new(o, "error", json_string(name)) +
	    json_object_set_new(o, "parameters", params_stolen ? params_stolen : json_object())) {
		json_decref(o);
		return NULL;
	}
	return write_out(o, len);
}
