// SPDX-License-Identifier: GPL-2.0-or-later
/* status and reload: what the running daemon says, and is told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/text/human.h"
#include "admin.h"
#include "admin_conf.h"
#include "admin_table.h"

const char help_status[] =
"Zones with their serials, leases and last errors; subscriptions and events; updates;\n"
"messages. Anybody may ask. --json: all of it, as JSON.\n"
"\n"
"  --socket PATH   the control socket (default: as dnsd.conf says)\n";

const char help_reload[] =
"Zones come and go, keys change; connections and subscriptions stay. Where it listens\n"
"changes only when it is restarted. Says what is wrong with the new configuration, and\n"
"goes on with the old one then.\n";

/* Where the daemon can be spoken to, also for who may not read its configuration. */
static void find_socket(const char *given, char *out, size_t size)
{
	struct dnsd_conf *conf;
	char why[CONF_WHY_SIZE];

	if (given) {
		snprintf(out, size, "%s", given);
	} else if (conf_load(CONF_PATH, &conf, why, sizeof(why))) {
		snprintf(out, size, "%s", CONF_CONTROL_SOCKET);
	} else {
		snprintf(out, size, "%s", conf->control_socket);
		conf_free(conf);
	}
}

static json_int_t number(const json_t *o, const char *group, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(o, group), key));
}

#define N	"%" JSON_INTEGER_FORMAT

static void print_errors(const json_t *zones)
{
	const char *name, *error;
	char clean[512];
	size_t i;

	for (i = 0; i < json_array_size(zones); i++) {
		const json_t *z = json_array_get(zones, i);

		name = json_string_value(json_object_get(z, "name"));
		error = json_string_value(json_object_get(z, "last_error"));
		if (!name || !error || !error[0])
			continue;
		text_printable(error, strlen(error), clean, sizeof(clean));
		printf("%s %s\n", name, clean);
	}
}

static void print_status(const json_t *s)
{
	static const struct admin_column columns[] = {
		{ "ZONE", "name", false },
		{ "SERVED", "served", false },
		{ "PRIVATE", "private", false },
		{ "OWNER", "owner", false },
		{ "SERIAL", "serial", true },
		{ "NAMES", "names", true },
		{ "LEASES", "leases", true },
		{ "EXPIRED", "expired", true },
		{ "PRIMARY", "primary_ok", false },
	};
	const char *version = json_string_value(json_object_get(s, "version"));
	const json_t *zones = json_object_get(s, "zones");
	char up[HUMAN_SIZE];
	double uptime = json_number_value(json_object_get(s, "uptime_s"));

	printf("btmm-dnsd %s, up %s\n\n", version ? version : "?",
	       text_from_ms(uptime > 0 ? (uint64_t)(uptime * 1000) : 0, up));
	if (!json_array_size(zones))
		puts("no zones");
	admin_table(zones, columns, sizeof(columns) / sizeof(*columns));
	print_errors(zones);

	printf("\nsubscriptions  " N " over UDP, " N " TCP, " N " TLS, " N " by DNS Push; "
	       N " clients\n", number(s, "subscriptions", "udp"),
	       number(s, "subscriptions", "tcp"), number(s, "subscriptions", "tls"),
	       number(s, "subscriptions", "push"), number(s, "subscriptions", "clients"));
	printf("events         %.1f/s; " N " sent, " N " acknowledged, " N " repeated, "
	       N " given up; " N " pushed\n",
	       json_number_value(json_object_get(s, "events_per_s")),
	       number(s, "subscriptions", "events"), number(s, "subscriptions", "acknowledged"),
	       number(s, "subscriptions", "repeated"), number(s, "subscriptions", "given_up"),
	       number(s, "subscriptions", "pushes"));
	printf("updates        " N " asked for, " N " done, " N " refused, " N " failed, "
	       N " timed out, " N " repeated\n", number(s, "updates", "requests"),
	       number(s, "updates", "done"), number(s, "updates", "refused"),
	       number(s, "updates", "failed"), number(s, "updates", "timed_out"),
	       number(s, "updates", "repeated"));
	printf("messages       " N " questions, " N " refused, " N " malformed, "
	       N " with a bad signature, " N " notices\n", number(s, "messages", "queries"),
	       number(s, "messages", "refused"), number(s, "messages", "malformed"),
	       number(s, "messages", "bad_signature"), number(s, "messages", "notifies"));
	printf("connections    " N " TCP, " N " TLS\n",
	       number(s, "transport", "streams") - number(s, "transport", "tls_streams"),
	       number(s, "transport", "tls_streams"));
}

int cmd_status(int argc, char **argv)
{
	bool json = false;
	const char *given = NULL;
	const struct admin_option options[] = {
		{ .name = "json", .on = &json },
		{ .name = "socket", .value = &given },
		{ 0 },
	};
	int n = admin_options(argc, argv, options), err;
	char path[4096];
	struct why why = { 0 };
	json_t *reply = NULL;

	if (n)
		return n < 0 ? -n : admin_usage("'%s' is one word too many", argv[1]);
	find_socket(given, path, sizeof(path));
	err = admin_call(path, "Status", &reply, &why);
	if (err)
		return admin_fail(err == -ENOENT ? ADMIN_NO_SERVER : admin_code(err), "%s",
				  why.text);
	if (json)
		err = admin_json(reply);
	else
		print_status(reply);
	json_decref(reply);
	return err ? admin_fail(ADMIN_FAILED, "the output cannot be written") : ADMIN_OK;
}

int cmd_reload(int argc, char **argv)
{
	const struct admin_option options[] = { { 0 } };
	int n = admin_options(argc, argv, options), err;
	struct why why = { 0 };
	char path[4096];

	if (n)
		return n < 0 ? -n : admin_usage("'%s' is one word too many", argv[1]);
	find_socket(NULL, path, sizeof(path));
	err = admin_call(path, "Reload", NULL, &why);
	if (err)
		return admin_fail(err == -ENOENT ? ADMIN_NO_SERVER : admin_code(err), "%s",
				  why.text);
	return ADMIN_OK;
}
