// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl status, peers, resolve
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../lib/text/human.h"
#include "daemon.h"

const char help_status[] =
"This host: its name and ULA, how others reach it and how that is known, whether\n"
"the server has its records and for how long, how it learns of the others, IKE;\n"
"then the others, as in 'btmm-ctl peers'. Anybody may ask.\n"
"\n"
HELP_SOCKET;

const char help_peers[] =
"The other hosts of the account. PATH says where the endpoint came from: set by\n"
"what DNS tells, or learnt from an authentic packet. LAST HEARD is the age of\n"
"the last authentic packet, SA AGE that of the newest security association. A\n"
"line below the table says what keeps a host from being reached.\n"
"\n"
HELP_SOCKET;

const char help_resolve[] =
"NAME is a host of the account, in full or without the domain; the answer is\n"
"what btmmd's own resolver says. 'live': the server tells every change;\n"
"'polled'; 'stale': it was so when the server was last heard.\n"
"\n"
HELP_SOCKET;

static const struct out_column peer_columns[] = {
	{ "HOST",	"name",		OUT_STRING,	NULL },
	{ "ULA",	"ula",		OUT_STRING,	"none" },
	{ "ENDPOINT",	"endpoint",	OUT_STRING,	"none" },
	{ "PATH",	"path",		OUT_STRING,	NULL },
	{ "LAST HEARD",	"heard_ms",	OUT_AGE,	"never" },
	{ "IKE",	"ike",		OUT_STRING,	NULL },
	{ "SA AGE",	"sa_age_ms",	OUT_AGE,	"-" },
	{ "RX",		"rx_bytes",	OUT_OCTETS,	NULL },
	{ "TX",		"tx_bytes",	OUT_OCTETS,	NULL },
	{ NULL,		"present",	OUT_SWITCH,	NULL },
	{ NULL,		"known",	OUT_STRING,	NULL },
	{ NULL,		"published",	OUT_STRING,	NULL },
	{ NULL,		"moves",	OUT_NUMBER,	NULL },
	{ NULL,		"sas",		OUT_NUMBER,	NULL },
	{ NULL,		"suite",	OUT_STRING,	NULL },
	{ NULL,		"why",		OUT_STRING,	NULL },
	{ NULL,		"ike_error",	OUT_STRING,	NULL },
};

#define N_PEER_COLUMNS	(sizeof(peer_columns) / sizeof(*peer_columns))

static struct out_value value_of(const struct out_column *c, const json_t *o)
{
	if (c->kind == OUT_STRING)
		return daemon_str(o, c->key);
	if (c->kind == OUT_SWITCH)
		return out_num(true, daemon_true(o, c->key));
	return daemon_num(o, c->key);
}

static int peer_rows(const json_t *peers)
{
	struct out *out = out_begin(peer_columns, N_PEER_COLUMNS, false);
	struct out_value values[N_PEER_COLUMNS];
	size_t i, k;
	int err = 0;

	if (!out)
		return fail_with(CTL_FAILED, "out of memory");
	for (i = 0; i < json_array_size(peers) && !err; i++) {
		const json_t *p = json_array_get(peers, i);

		for (k = 0; k < N_PEER_COLUMNS; k++)
			values[k] = value_of(&peer_columns[k], p);
		err = out_row(out, values);
	}
	if (out_end(out) || err)
		return out_failed() ? CTL_FAILED : fail_with(CTL_FAILED, "out of memory");
	return CTL_OK;
}

/* What would not fit into a table. */
static void peer_troubles(const json_t *peers)
{
	size_t i;

	for (i = 0; i < json_array_size(peers); i++) {
		const json_t *p = json_array_get(peers, i);
		const char *name = daemon_text(p, "name"), *ula = daemon_text(p, "ula");
		const char *why = daemon_text(p, "why"), *ike = daemon_text(p, "ike_error");

		name = name ? name : ula ? ula : "?";
		if (why)
			fprintf(out_file, "%s: %s\n", name, why);
		if (ike)
			fprintf(out_file, "%s: IKE: %s\n", name, ike);
	}
}

static int ask_peers(const char *socket, json_t **reply)
{
	return daemon_call(socket, "Peers", NULL, DAEMON_QUICK_MS, reply);
}

int cmd_peers(int argc, char **argv)
{
	struct word w[] = { WORD_SOCKET, { .name = NULL } };
	json_t *reply, *peers;
	int err = words_read(w, argc, argv);

	err = err ? err : ask_peers(w[0].value, &reply);
	if (err)
		return err;
	peers = json_object_get(reply, "peers");
	err = peer_rows(peers);
	if (!err && out_mode == OUT_TABLE) {
		peer_troubles(peers);
		if (!json_array_size(peers))
			warn("the account has no other host that is there (see 'btmm-ctl status')");
	}
	json_decref(reply);
	return err;
}

/* --- status, for people ----------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3)))
line(const char *label, const char *fmt, ...)
{
	va_list ap;

	fprintf(out_file, "%-13s ", label);
	va_start(ap, fmt);
	vfprintf(out_file, fmt, ap);
	va_end(ap);
	fputc('\n', out_file);
}

static const char *age(const json_t *o, const char *key, unsigned int unit,
		       char out[HUMAN_SIZE])
{
	const json_t *v = json_object_get(o, key);
	json_int_t n = json_integer_value(v);

	return json_is_integer(v) && n >= 0 ? text_from_ms((uint64_t)n * unit, out) : "?";
}

static const char *or_dash(const char *s)
{
	return s ? s : "-";
}

static void print_mapping(const json_t *m)
{
	const char *how = or_dash(daemon_text(m, "how")), *via = daemon_text(m, "via");
	const char *endpoint = daemon_text(m, "endpoint");

	if (!endpoint)
		line("mapping", "none%s: others cannot reach this host ('btmm-ctl netcheck')",
		     daemon_true(m, "waiting") ? " yet" : "");
	else
		line("mapping", "%s, %s%s%s%s (%s)", endpoint, how, via ? " by " : "",
		     via ? via : "", daemon_true(m, "confirmed") ? ", confirmed by STUN" : "",
		     or_dash(daemon_text(m, "verdict")));
}

static void print_publication(const json_t *p)
{
	char lease[HUMAN_SIZE], left[HUMAN_SIZE];
	const char *server = daemon_text(p, "server"), *why = daemon_text(p, "why");

	if (daemon_true(p, "current"))
		line("publication", "%s records at %s (%s), for %s, %s left",
		     or_dash(daemon_text(p, "records")), or_dash(server),
		     or_dash(daemon_text(p, "transport")), age(p, "lease_s", 1000, lease),
		     age(p, "left_s", 1000, left));
	else
		line("publication", "not current%s%s%s%s", server ? " at " : "",
		     server ? server : "", why ? ": " : "", why ? why : "");
}

static void print_subscription(const json_t *s)
{
	char since[HUMAN_SIZE];
	const char *quality = or_dash(daemon_text(s, "quality")), *why = daemon_text(s, "why");
	const char *server = daemon_text(s, "server"), *refused = daemon_text(s, "refused");

	if (strcmp(quality, "none"))
		line("subscription", "%s by %s at %s, for %s", quality,
		     or_dash(daemon_text(s, "protocol")), or_dash(server),
		     age(s, "since_ms", 1, since));
	else
		line("subscription", "none%s%s", why ? ": " : "", why ? why : "");
	/* The list of hosts is; what is refused of the rest makes hosts that are not followed. */
	if (strcmp(quality, "none") && refused)
		line("", "but not for %s of %s questions: %s",
		     or_dash(daemon_text(s, "unsubscribed")),
		     or_dash(daemon_text(s, "questions")), refused);
}

static void print_status(const json_t *s)
{
	const json_t *ike = json_object_get(s, "ike"), *r = json_object_get(s, "resolver");
	const json_t *net = json_object_get(s, "network");
	const char *state = or_dash(daemon_text(s, "state")), *error;
	char up[HUMAN_SIZE];

	line("btmmd", "%s, %s for %s", or_dash(daemon_text(s, "version")), state,
	     age(s, "uptime_s", 1000, up));
	if (!daemon_text(s, "host"))
		return;
	line("host", "%s", or_dash(daemon_text(s, "host")));
	line("address", "%s on %s", daemon_text(s, "ula") ? daemon_text(s, "ula") : "none yet",
	     or_dash(daemon_text(s, "device")));
	line("network", "%s%s%s%s%s", daemon_true(net, "up") ? "up" : "none",
	     daemon_text(net, "outer4") ? ", " : "",
	     daemon_text(net, "outer4") ? daemon_text(net, "outer4") : "",
	     daemon_text(net, "outer6") ? ", " : "",
	     daemon_text(net, "outer6") ? daemon_text(net, "outer6") : "");
	print_mapping(json_object_get(s, "mapping"));
	print_publication(json_object_get(s, "publication"));
	print_subscription(json_object_get(s, "subscription"));
	error = daemon_text(ike, "error");
	line("ike", "%s%s%s", daemon_true(ike, "connected") ? "charon is connected" :
	     "charon is not there (systemctl status btmm-charon)", error ? "; " : "",
	     error ? error : "");
	if (r && !json_is_null(r))
		line("names", "%s at %s", or_dash(daemon_text(r, "records")),
		     or_dash(daemon_text(r, "listen")));
}

int cmd_status(int argc, char **argv)
{
	struct word w[] = { WORD_SOCKET, { .name = NULL } };
	json_t *s, *reply = NULL, *peers;
	int err = words_read(w, argc, argv);

	err = err ? err : daemon_call(w[0].value, "Status", NULL, DAEMON_QUICK_MS, &s);
	if (err)
		return err;
	/* There are none while it is down. */
	if (daemon_text(s, "host"))
		err = ask_peers(w[0].value, &reply);
	peers = reply ? json_object_get(reply, "peers") : NULL;
	if (!err && out_mode != OUT_TABLE) {
		json_object_set(s, "peer_counts", json_object_get(s, "peers"));
		json_object_set(s, "peers", peers);
		err = daemon_print(s);
	} else if (!err) {
		print_status(s);
		if (json_array_size(peers)) {
			fputc('\n', out_file);
			err = peer_rows(peers);
			peer_troubles(peers);
		}
	}
	json_decref(reply);
	json_decref(s);
	return err;
}

/* --- resolve ------------------------------------------------------------------------ */

static const struct out_column resolve_columns[] = {
	{ "HOST",	"name",		OUT_STRING,	NULL },
	{ "ULA",	"ula",		OUT_STRING,	NULL },
	{ "KNOWN",	"known",	OUT_STRING,	NULL },
	{ NULL,		"self",		OUT_SWITCH,	NULL },
};

#define N_RESOLVE_COLUMNS	(sizeof(resolve_columns) / sizeof(*resolve_columns))

int cmd_resolve(int argc, char **argv)
{
	struct word w[] = { WORD_SOCKET, { .name = NULL } };
	struct out_value values[N_RESOLVE_COLUMNS];
	json_t *reply;
	struct out *o;
	size_t i;
	int err;

	if (!argc)
		return fail_usage("the name is missing");
	err = words_read(w, argc - 1, argv + 1);
	err = err ? err : daemon_call(w[0].value, "Resolve", json_pack("{s:s}", "name", argv[0]),
				      DAEMON_QUICK_MS, &reply);
	if (err)
		return err;
	for (i = 0; i < N_RESOLVE_COLUMNS; i++)
		values[i] = value_of(&resolve_columns[i], reply);
	o = out_begin(resolve_columns, N_RESOLVE_COLUMNS, true);
	err = o ? out_row(o, values) : -1;
	if (o && out_end(o))
		err = -1;
	json_decref(reply);
	return err && !out_failed() ? fail_with(CTL_FAILED, "out of memory") : CTL_OK;
}
