// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl services, browse
 */
#include <stdio.h>
#include <string.h>

#include "daemon.h"

const char help_services[] =
"Those that btmmd.conf names, and that others find by 'btmm-ctl browse'. To\n"
"publish another one, put a [service] section into a file of\n"
"/etc/btmm/btmmd.conf.d, and 'btmm-ctl reload'. btmmd.conf(5) explains it.\n"
"\n"
HELP_SOCKET;

const char help_browse[] =
"Services of all hosts of the account. TYPE is one of them, as in _ssh._tcp.\n"
"\n"
"  watch        and what comes and goes, until interrupted\n"
HELP_SOCKET;

static const struct out_column columns[] = {
	{ "INSTANCE",	"instance",	OUT_STRING,	NULL },
	{ "TYPE",	"type",		OUT_STRING,	NULL },
	{ "HOST",	"host",		OUT_STRING,	NULL },
	{ "PORT",	"port",		OUT_NUMBER,	NULL },
	{ "TEXT",	"text",		OUT_STRING,	NULL },
};

#define N_COLUMNS	(sizeof(columns) / sizeof(*columns))

/* All strings of a service's TXT record in one. */
static const char *texts(const json_t *s, char *out, size_t size)
{
	const json_t *list = json_object_get(s, "text");
	size_t i, used = 0;

	out[0] = '\0';
	for (i = 0; i < json_array_size(list) && used < size; i++) {
		const char *t = json_string_value(json_array_get(list, i));

		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "",
					 t ? t : "?");
	}
	return out[0] ? out : NULL;
}

static int rows(const json_t *list)
{
	struct out *o;
	char text[256];
	size_t i;
	int err = 0;

	if (out_mode == OUT_JSON) {
		json_dumpf(list, out_file, JSON_INDENT(1) | JSON_ENSURE_ASCII);
		fputc('\n', out_file);
		return CTL_OK;
	}
	o = out_begin(columns, N_COLUMNS, false);
	if (!o)
		return fail_with(CTL_FAILED, "out of memory");
	for (i = 0; i < json_array_size(list) && !err; i++) {
		const json_t *s = json_array_get(list, i);
		const struct out_value values[N_COLUMNS] = {
			daemon_str(s, "instance"), daemon_str(s, "type"), daemon_str(s, "host"),
			daemon_num(s, "port"), out_str(texts(s, text, sizeof(text))),
		};

		err = out_row(o, values);
	}
	if ((out_end(o) || err) && !out_failed())
		return fail_with(CTL_FAILED, "out of memory");
	return CTL_OK;
}

int cmd_services(int argc, char **argv)
{
	struct word w[] = { WORD_SOCKET, { .name = NULL } };
	const json_t *list;
	json_t *reply;
	int err = words_read(w, argc, argv);

	err = err ? err : daemon_call(w[0].value, "Services", NULL, DAEMON_QUICK_MS, &reply);
	if (err)
		return err;
	list = json_object_get(reply, "services");
	err = rows(list);
	if (!err && out_mode == OUT_TABLE && !json_array_size(list))
		warn("btmmd.conf names no service");
	else if (!err && out_mode == OUT_TABLE && !daemon_true(reply, "current"))
		warn("the server does not have all of them yet (see 'btmm-ctl status')");
	json_decref(reply);
	return err;
}

static void print_event(const char *event, const json_t *s)
{
	static const char *const keys[] = { "instance", "type", "host", "port" };
	const char *v;
	char text[256];
	json_t *o;
	size_t i;

	fputs(event ? event : "?", out_file);
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		v = daemon_text(s, keys[i]);
		fprintf(out_file, " %s", v ? v : "-");
	}
	/* Made fit for a terminal, too. */
	o = json_pack("{s:s?}", "text", texts(s, text, sizeof(text)));
	v = daemon_text(o, "text");
	fprintf(out_file, "%s%s\n", v ? " " : "", v ? v : "");
	json_decref(o);
}

static bool each(void *arg, const json_t *p)
{
	const json_t *list = json_object_get(p, "services"), *s = json_object_get(p, "service");
	const char *event = daemon_text(p, "event");
	int *code = arg;

	daemon_progress(NULL);
	if (out_mode == OUT_JSON) {
		json_dumpf(p, out_file, JSON_COMPACT | JSON_ENSURE_ASCII);
		fputc('\n', out_file);
	} else if (list) {
		*code = rows(list);
	} else if (s) {
		print_event(event, s);
	} else if (event) {
		warn("%s", daemon_text(p, "why") ? daemon_text(p, "why") : event);
	}
	fflush(out_file);
	return !*code && !out_failed();
}

int cmd_browse(int argc, char **argv)
{
	struct word w[] = { { .name = "watch" }, WORD_SOCKET, { .name = NULL } };
	const char *type = NULL;
	json_t *params, *reply;
	int code = CTL_OK, err;

	if (argc && !word_find(w, argv[0])) {
		type = argv[0];
		argc--;
		argv++;
	}
	err = words_read(w, argc, argv);
	if (err)
		return err;
	params = type ? json_pack("{s:s}", "type", type) : NULL;
	daemon_progress("asking the server");
	if (w[0].given) {
		err = daemon_watch(w[1].value, "Browse", params, DAEMON_SLOW_MS, each, &code);
		daemon_progress(NULL);
		return err ? err : code;
	}
	err = daemon_call(w[1].value, "Browse", params, DAEMON_SLOW_MS, &reply);
	daemon_progress(NULL);
	if (err)
		return err;
	code = rows(json_object_get(reply, "services"));
	if (!code && out_mode == OUT_TABLE && !json_array_size(json_object_get(reply, "services")))
		warn("there is no such service in the domain at the moment");
	json_decref(reply);
	return code;
}
