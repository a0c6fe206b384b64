// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl netcheck
 */
#include <stdio.h>
#include <string.h>

#include "daemon.h"

const char help_netcheck[] =
"Measures anew, which takes up to eight seconds: what the gateways map and by\n"
"which protocol, address and port as seen from outside, the kind of NAT and\n"
"whether there are two, whether UDP passes, and whether the domain's servers\n"
"answer.\n"
"\n"
HELP_SOCKET;

static const char *or_dash(const char *s)
{
	return s ? s : "-";
}

static void print_gateway(const json_t *g)
{
	const json_t *protocols = json_object_get(g, "protocols");
	size_t i;

	fprintf(out_file, "%-12s %s, from %s\n", "gateway",
		daemon_text(g, "gateway") ? daemon_text(g, "gateway") : "none",
		or_dash(daemon_text(g, "own")));
	for (i = 0; i < json_array_size(protocols); i++) {
		const json_t *p = json_array_get(protocols, i);
		const char *endpoint = daemon_text(p, "endpoint"), *why = daemon_text(p, "why");

		fprintf(out_file, "  %-10s %s%s\n", or_dash(daemon_text(p, "protocol")),
			endpoint ? "maps " : why ? "the gateway " : "",
			endpoint ? endpoint : why ? why : or_dash(daemon_text(p, "state")));
	}
}

static void print_server(const json_t *s)
{
	const char *took = daemon_text(s, "took_ms"), *why = daemon_text(s, "why");

	fprintf(out_file, "%-12s %s: ", "server", or_dash(daemon_text(s, "server")));
	if (took)
		fprintf(out_file, "reached in %s ms\n", took);
	else if (why)
		fprintf(out_file, "%s%s\n", daemon_true(s, "refused") ? "not trusted: " : "", why);
	else
		fputs("no answer\n", out_file);
}

static const char *nat_text(const json_t *mapping, const json_t *stun)
{
	const char *verdict = or_dash(daemon_text(mapping, "verdict"));
	const char *kind = or_dash(daemon_text(stun, "mapping"));

	if (!strcmp(verdict, "public"))
		return "none";
	if (!strcmp(verdict, "unreachable"))
		return "not known";
	if (!strcmp(verdict, "double-nat"))
		return "two, one behind the other";
	if (!strcmp(kind, "dependent"))
		return "one; another port for each destination";
	if (!strcmp(kind, "independent"))
		return "one; the same port for all destinations";
	return "one";
}

static const char *udp_text(const json_t *r)
{
	const char *udp = or_dash(daemon_text(r, "udp"));

	if (!strcmp(udp, "passes"))
		return "passes";
	if (!strcmp(udp, "blocked"))
		return "blocked: the server is reached by TCP, and is silent by UDP";
	return "not known: nobody who could tell has answered";
}

static void print_report(const json_t *r)
{
	const json_t *m = json_object_get(r, "mapping"), *stun = json_object_get(r, "stun");
	const json_t *list = json_object_get(r, "gateways");
	const char *outer4 = daemon_text(r, "outer4"), *outer6 = daemon_text(r, "outer6");
	const char *seen = daemon_text(stun, "endpoint"), *why = daemon_text(r, "servers_why");
	size_t i;

	fprintf(out_file, "%-12s %s%s%s%s%s\n", "network",
		daemon_true(r, "network") ? "up" : "none", outer4 ? ", " : "",
		outer4 ? outer4 : "", outer6 ? ", " : "", outer6 ? outer6 : "");
	for (i = 0; i < json_array_size(list); i++)
		print_gateway(json_array_get(list, i));
	fprintf(out_file, "%-12s %s\n", "outside", seen ? seen : "not seen by any STUN server");
	fprintf(out_file, "%-12s %s\n", "nat", nat_text(m, stun));
	fprintf(out_file, "%-12s %s\n", "udp", udp_text(r));
	list = json_object_get(r, "servers");
	for (i = 0; i < json_array_size(list); i++)
		print_server(json_array_get(list, i));
	if (!json_array_size(list))
		fprintf(out_file, "%-12s none%s%s\n", "server", why ? ": " : "", why ? why : "");
	fprintf(out_file, "%-12s %s\n", "published",
		daemon_text(m, "endpoint") ? daemon_text(m, "endpoint") : "nothing");
	list = json_object_get(m, "why");
	for (i = 0; i < json_array_size(list); i++) {
		json_t *o = json_pack("{s:O}", "v", json_array_get(list, i));

		fprintf(out_file, "  %s\n", or_dash(daemon_text(o, "v")));
		json_decref(o);
	}
}

static bool each(void *arg, const json_t *report)
{
	int *code = arg;

	if (!daemon_true(report, "done"))
		return true;
	daemon_progress(NULL);
	if (out_mode != OUT_TABLE)
		*code = daemon_print(report);
	else
		print_report(report);
	return false;
}

int cmd_netcheck(int argc, char **argv)
{
	struct word w[] = { WORD_SOCKET, { .name = NULL } };
	int code = CTL_OK, err = words_read(w, argc, argv);

	if (err)
		return err;
	daemon_progress("asking gateways and servers");
	err = daemon_watch(w[0].value, "Netcheck", NULL, DAEMON_SLOW_MS, each, &code);
	daemon_progress(NULL);
	return err ? err : code;
}
