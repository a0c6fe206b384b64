// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How btmm-ctl speaks to btmmd.
 */
#include "daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "../lib/account/store.h"
#include "../lib/conf/ini.h"
#include "../lib/control/btmmd.h"
#include "../lib/control/control.h"
#include "../lib/text/human.h"

#define CONF_PATH	"/etc/btmm/btmmd.conf"
#define WHY_SIZE	1024

/* --- the socket --------------------------------------------------------------- */

static const char *look_for_socket(void *arg, const struct ini_line *line)
{
	char *out = arg;

	if (line->key && !strcmp(line->section, "daemon") &&
	    !strcmp(line->key, "control-socket"))
		snprintf(out, DAEMON_SOCKET_SIZE, "%s", line->value);
	return NULL;
}

const char *daemon_socket(const char *given, char out[DAEMON_SOCKET_SIZE])
{
	char why[INI_WHY_SIZE];

	snprintf(out, DAEMON_SOCKET_SIZE, "%s", given ? given : BTMMD_SOCKET);
	if (given)
		return out;
	/* What is wrong with it is btmmd's to say. */
	ini_read_file(CONF_PATH, look_for_socket, out, why, sizeof(why));
	ini_read_dropins(CONF_PATH, look_for_socket, out, why, sizeof(why));
	return out;
}

int daemon_fail(int err, const char *why)
{
	if ((err == -ENOENT || err == -ECONNREFUSED) && access(STORE_HOST_DIR, F_OK) &&
	    errno == ENOENT)
		return fail_with(CTL_FAILED,
				 "this machine is no host of an account yet, so btmmd does not run: import a bundle with 'btmm-ctl host import FILE'");
	switch (err) {
	case -ESRCH:
		return fail_with(CTL_NOT_FOUND, "%s", why);
	case -EPERM:
	case -EACCES:
		return fail_with(CTL_DENIED, "%s", why);
	default:
		return fail_with(CTL_FAILED, "%s", why);
	}
}

int daemon_call(const char *socket, const char *method, json_t *params, unsigned int ms,
		json_t **reply)
{
	char path[DAEMON_SOCKET_SIZE], full[64], why[WHY_SIZE] = "";
	int err;

	snprintf(full, sizeof(full), BTMMD_INTERFACE ".%s", method);
	err = control_call("btmmd", daemon_socket(socket, path), full, params, ms, reply, why,
			   sizeof(why));
	json_decref(params);
	return err ? daemon_fail(err, why) : CTL_OK;
}

int daemon_watch(const char *socket, const char *method, json_t *params, unsigned int ms,
		 bool (*each)(void *arg, const json_t *params), void *arg)
{
	char path[DAEMON_SOCKET_SIZE], full[64], why[WHY_SIZE] = "";
	int err;

	snprintf(full, sizeof(full), BTMMD_INTERFACE ".%s", method);
	err = control_watch("btmmd", daemon_socket(socket, path), full, params, ms, each, arg, why,
			    sizeof(why));
	json_decref(params);
	return err ? daemon_fail(err, why) : CTL_OK;
}

/* --- progress ------------------------------------------------------------------ */

static char progress_text[128];
static size_t progress_len;

static void on_alarm(int number)
{
	ssize_t n = write(STDERR_FILENO, progress_text, progress_len);

	(void)n;
	(void)number;
}

void daemon_progress(const char *what)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval in = { 0 };

	if (what) {
		snprintf(progress_text, sizeof(progress_text), "%s ...\n", what);
		progress_len = strlen(progress_text);
		in.it_value.tv_sec = 1;
		sigaction(SIGALRM, &sa, NULL);
	}
	setitimer(ITIMER_REAL, &in, NULL);
}

/* --- answers -------------------------------------------------------------------- */

const char *daemon_text(const json_t *o, const char *key)
{
	static char ring[16][512];
	static unsigned int at;
	const json_t *v = json_object_get(o, key);
	char *out = ring[at++ % 16];

	if (json_is_string(v)) {
		text_printable(json_string_value(v), json_string_length(v), out, sizeof(ring[0]));
	} else if (json_is_integer(v)) {
		snprintf(out, sizeof(ring[0]), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	} else if (json_is_boolean(v)) {
		snprintf(out, sizeof(ring[0]), "%s", json_is_true(v) ? "true" : "false");
	} else {
		return NULL;
	}
	return out;
}

struct out_value daemon_str(const json_t *o, const char *key)
{
	return out_str(daemon_text(o, key));
}

struct out_value daemon_num(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	json_int_t n = json_integer_value(v);

	return out_num(json_is_integer(v), n > 0 ? (uint64_t)n : 0);
}

bool daemon_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* Depth is bounded by the reader of messages. */
static void print_raw(const char *name, const json_t *v)
{
	char below[256];
	const char *k;
	json_t *o, *each;
	size_t i;

	if (json_is_object(v)) {
		json_object_foreach((json_t *)v, k, each) {
			snprintf(below, sizeof(below), "%s%s%s", name, *name ? "." : "", k);
			print_raw(below, each);
		}
	} else if (json_is_array(v)) {
		json_array_foreach((json_t *)v, i, each) {
			snprintf(below, sizeof(below), "%s.%zu", name, i);
			print_raw(below, each);
		}
	} else {
		o = json_pack("{s:O}", "v", v);
		k = daemon_text(o, "v");
		fprintf(out_file, "%s %s\n", name, k ? k : "-");
		json_decref(o);
	}
}

int daemon_print(const json_t *o)
{
	if (out_mode == OUT_RAW) {
		print_raw("", o);
	} else {
		fputs("[\n ", out_file);
		if (json_dumpf(o, out_file, JSON_COMPACT))
			return fail_with(CTL_FAILED, "the output cannot be written");
		fputs("\n]\n", out_file);
	}
	return CTL_OK;
}
