// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls on the control socket: whose they are, and the errors they are answered with. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_int.h"

/* @value may come from a file system, and need not be UTF-8, which JSON is. */
static json_t *string(const char *value)
{
	json_t *s = json_string(value);
	char *copy, *p;

	if (s)
		return s;
	copy = strdup(value);
	for (p = copy; p && *p; p++) {
		if (*p & 0x80)
			*p = '?';
	}
	s = copy ? json_string(copy) : NULL;
	free(copy);
	return s;
}

static void standard_error(struct control_call *call, const char *name, const char *key,
			   const char *value)
{
	json_t *params = key ? json_pack("{s:o}", key, string(value)) : NULL;
	size_t len = 0;
	char *text = varlink_error_write(name, params, &len);

	control_finish(call, text, len);
}

void control_error(struct control_call *call, const char *name, const char *text)
{
	const char *interface = call->conn ? call->conn->c->info->interface : "";
	char *full = NULL;

	if (!strchr(name, '.') && asprintf(&full, "%s.%s", interface, name) < 0)
		full = NULL;
	standard_error(call, full ? full : name, "text", text);
	free(full);
}

void control_invalid(struct control_call *call, const char *parameter)
{
	standard_error(call, CONTROL_SERVICE ".InvalidParameter", "parameter", parameter);
}

bool control_wants_more(const struct control_call *call)
{
	return call->more && !call->oneway;
}

uid_t control_uid(const struct control_call *call)
{
	return call->uid;
}

void control_on_gone(struct control_call *call, void (*gone)(void *arg), void *arg)
{
	call->gone = gone;
	call->arg = arg;
}

/* --- methods ------------------------------------------------------------------------ */

static void get_info(struct control_call *call, const struct control_info *i)
{
	control_reply(call, json_pack("{s:s s:s s:s s:s s:[s s]}",
				      "vendor", i->vendor, "product", i->product,
				      "version", i->version, "url", i->url,
				      "interfaces", CONTROL_SERVICE, i->interface));
}

static void get_description(struct control_call *call, const struct control_info *i,
			    const json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "interface"));
	const char *text;

	if (!name) {
		control_invalid(call, "interface");
		return;
	}
	if (!strcmp(name, CONTROL_SERVICE)) {
		text = control_service_description;
	} else if (!strcmp(name, i->interface)) {
		text = i->description;
	} else {
		standard_error(call, CONTROL_SERVICE ".InterfaceNotFound", "interface", name);
		return;
	}
	control_reply(call, json_pack("{s:s}", "description", text));
}

static bool is_method(const char *method, const char *interface, const char *name)
{
	size_t n = strlen(interface);

	return !strncmp(method, interface, n) && method[n] == '.' && !strcmp(method + n + 1, name);
}

static void not_found(struct control_call *call, const struct control_info *i, const char *method)
{
	const char *dot = strrchr(method, '.');
	size_t n = dot ? (size_t)(dot - method) : strlen(method);
	char *interface = strndup(method, n);

	if (interface && strcmp(interface, i->interface) && strcmp(interface, CONTROL_SERVICE))
		standard_error(call, CONTROL_SERVICE ".InterfaceNotFound", "interface", interface);
	else
		standard_error(call, CONTROL_SERVICE ".MethodNotFound", "method", method);
	free(interface);
}

void control_dispatch(struct control_call *call, const struct varlink_call *v)
{
	struct control_conn *conn = call->conn;
	const struct control_info *i = conn->c->info;
	size_t k;

	if (is_method(v->method, CONTROL_SERVICE, "GetInfo")) {
		get_info(call, i);
		return;
	}
	if (is_method(v->method, CONTROL_SERVICE, "GetInterfaceDescription")) {
		get_description(call, i, v->params);
		return;
	}
	for (k = 0; k < i->n_methods; k++) {
		if (!is_method(v->method, i->interface, i->methods[k].name))
			continue;
		if (i->methods[k].needs_root && !conn->privileged)
			standard_error(call, CONTROL_SERVICE ".PermissionDenied", NULL, NULL);
		else
			i->methods[k].handler(conn->c->arg, call, v->params);
		return;
	}
	not_found(call, i, v->method);
}
