/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Varlink (varlink.org): calls and replies are JSON objects that end with a NUL octet.
 * Octets in and out, by jansson; whose sockets they go through is the caller's.
 *
 * What comes is bounded in length and in depth before jansson sees it.
 */
#ifndef BTMM_VARLINK_MESSAGE_H
#define BTMM_VARLINK_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define VARLINK_DEPTH_MAX	32	/* objects and arrays in each other */

/* --- octets to messages --- */

struct varlink_in {
	char *b;
	size_t from, len, size;		/* what is left begins at @from; @len behind it */
	size_t looked;			/* of @len, without a NUL */
	size_t max;
};

/* Messages of up to @max octets with their NUL. Owns nothing yet. */
void varlink_in_init(struct varlink_in *in, size_t max);
void varlink_in_free(struct varlink_in *in);
/* Where the next octets go and how many may, at least one; NULL: no memory, or more
 * than @max octets are there that were not taken out.
 */
char *varlink_in_room(struct varlink_in *in, size_t *n);
void varlink_in_put(struct varlink_in *in, size_t n);
/* 1 and a message, without its NUL, valid until varlink_in_room(); 0: none is whole;
 * -EMSGSIZE: this one is too long.
 */
int varlink_in_next(struct varlink_in *in, const char **msg, size_t *len);

/* --- messages --- */

struct varlink_call {
	json_t *root;
	const char *method;	/* these are within @root */
	const json_t *params;	/* an object */
	bool more, oneway;
};

/* 0, -EBADMSG or -ENOMEM. Afterwards varlink_call_done(). */
int varlink_call_read(const char *text, size_t len, struct varlink_call *out);
void varlink_call_done(struct varlink_call *call);

struct varlink_reply {
	json_t *root;
	json_t *params;		/* an object, within @root */
	const char *error;	/* or NULL */
	bool continues;
};

int varlink_reply_read(const char *text, size_t len, struct varlink_reply *out);
void varlink_reply_done(struct varlink_reply *reply);

/*
 * The octets of a message, the NUL counted; to be freed. NULL: no memory. Those that
 * steal @params do so even then; NULL: an empty object.
 */
char *varlink_call_write(const char *method, const json_t *params, bool more, size_t *len);
char *varlink_reply_write(json_t *params_stolen, bool continues, size_t *len);
char *varlink_error_write(const char *name, json_t *params_stolen, size_t *len);

#endif
