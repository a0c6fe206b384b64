/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands that ask btmmd share. */
#ifndef BTMM_CTL_DAEMON_H
#define BTMM_CTL_DAEMON_H

#include <jansson.h>

#include "ctl.h"
#include "out.h"

#define DAEMON_QUICK_MS	5000	/* for answers that come at once */
#define DAEMON_SLOW_MS	30000	/* for those that have to wait for others */

#define HELP_SOCKET							\
"  socket PATH  of btmmd (default: as btmmd.conf says)\n"
#define WORD_SOCKET	{ .name = "socket", .want = "PATH" }

/* Where btmmd listens; @given NULL: as its configuration says. Returns @out. */
#define DAEMON_SOCKET_SIZE	256
const char *daemon_socket(const char *given, char out[DAEMON_SOCKET_SIZE]);

/*
 * Asks for @method ("Status") with @params (stolen; NULL: none). Returns an exit code,
 * and with CTL_OK the answer, to be given back by json_decref().
 */
int daemon_call(const char *socket, const char *method, json_t *params, unsigned int ms,
		json_t **reply);
/* The same with "more"; @each as control_watch() has it. */
int daemon_watch(const char *socket, const char *method, json_t *params, unsigned int ms,
		 bool (*each)(void *arg, const json_t *params), void *arg);
/* Says @why; the exit code for what control_call() returned. */
int daemon_fail(int err, const char *why);

/* From now on, @what is said on standard error, once, after a second; NULL: no more. */
void daemon_progress(const char *what);

/* A string or number of @o, fit for a terminal; NULL: there is none, or null. Valid until
 * some ten more calls.
 */
const char *daemon_text(const json_t *o, const char *key);
struct out_value daemon_str(const json_t *o, const char *key);
struct out_value daemon_num(const json_t *o, const char *key);
bool daemon_true(const json_t *o, const char *key);

/* @o as it is: as an array of one object, or raw, as lines of KEY VALUE. An exit code. */
int daemon_print(const json_t *o);

#endif
