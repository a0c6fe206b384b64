// SPDX-License-Identifier: GPL-2.0-or-later
/* Services: those that this host publishes, and those of the domain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "browse.h"
#include "control_int.h"

#define BROWSINGS	8	/* at a time, of all clients */

/* --- one service --------------------------------------------------------------- */

/* The octets of a label or a string of TXT; not UTF-8, then as far as it is ASCII. */
static json_t *octets_text(const uint8_t *p, size_t len)
{
	char text[256];

	memcpy(text, p, len);
	text[len] = '\0';
	return strlen(text) == len ? control_text(text) : json_string("?");
}

static json_t *txt_list(const uint8_t *txt, size_t len)
{
	json_t *list = json_array();
	size_t at = 0;

	while (at < len && at + 1 + txt[at] <= len) {
		if (txt[at])
			json_array_append_new(list, octets_text(txt + at + 1, txt[at]));
		at += 1 + (size_t)txt[at];
	}
	return list;
}

static void plain(const uint8_t *name, char out[DNAME_TEXT_MAX])
{
	size_t len = strlen(dname_to_text(name, out));

	if (len > 1 && out[len - 1] == '.')
		out[len - 1] = '\0';
}

static json_t *service_object(const struct browse_service *s)
{
	char name[DNAME_TEXT_MAX], host[DNAME_TEXT_MAX], type[2 * DLABEL_MAX + 2] = "";
	const uint8_t *first = dname_skip(s->name, 1);
	const uint8_t *second = first ? dname_skip(first, 1) : NULL;

	plain(s->name, name);
	plain(s->host, host);
	if (second)
		snprintf(type, sizeof(type), "%.*s.%.*s", first[0], first + 1, second[0],
			 second + 1);
	return json_pack("{s:o s:o s:o s:o s:i s:o}", "name", control_text(name), "instance",
			 octets_text(s->name + 1, s->name[0]), "type", control_text(type), "host",
			 control_text(host), "port", s->port, "text",
			 txt_list(s->txt, s->txt_len));
}

/* --- our own ------------------------------------------------------------------- */

static json_t *own_object(const struct daemon *d, const struct publish_service *s)
{
	char host[DNAME_TEXT_MAX];
	json_t *texts = json_array(), *subtypes = json_array();
	size_t i;

	snprintf(host, sizeof(host), "%s", d->host);
	if (s->host)
		plain(s->host, host);
	for (i = 0; i < s->n_texts; i++)
		json_array_append_new(texts, control_text(s->texts[i]));
	for (i = 0; i < s->n_subtypes; i++)
		json_array_append_new(subtypes, control_text(s->subtypes[i]));
	return json_pack("{s:o s:s s:s s:i s:o s:o}", "instance", control_text(s->instance), "type",
			 s->type, "host", host, "port", s->port, "text", texts, "subtypes",
			 subtypes);
}

void control_services(void *arg, struct control_call *call, const json_t *params)
{
	struct publish_service all[PUBLISH_SERVICES];
	struct btmmd_control *c = arg;
	struct daemon *d = control_up(c, call);
	struct publisher_status s;
	json_t *list;
	size_t i, n;

	(void)params;
	if (!d)
		return;
	list = json_array();
	n = conf_services(d->conf, d->label, all);
	for (i = 0; i < n; i++)
		json_array_append_new(list, own_object(d, &all[i]));
	publisher_status(d->publisher, &s);
	control_reply(call, json_pack("{s:o s:b}", "services", list, "current", s.current));
}

/* --- the domain's -------------------------------------------------------------- */

struct browsing {
	struct browsing *next;
	struct btmmd_control *c;
	struct control_call *call;	/* NULL: its client went */
	struct browse *browse;
	bool complete;
};

static void browsing_free(struct browsing *b)
{
	struct browsing **at = &b->c->browsing;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	browse_free(b->browse);
	free(b);
}

static void on_gone(void *arg)
{
	struct browsing *b = arg;

	b->call = NULL;
	browsing_free(b);
}

static void tell(struct browsing *b, const char *event, const struct browse_service *s)
{
	/* Before, they are in no order, and listed when all are there. */
	if (b->complete)
		control_more(b->call, json_pack("{s:s s:o}", "event", event, "service",
						service_object(s)));
}

static void on_service(void *arg, const struct browse_service *s)
{
	tell(arg, "there", s);
}

static void on_went(void *arg, const struct browse_service *s)
{
	tell(arg, "gone", s);
}

static void on_complete(void *arg)
{
	const struct browse_service *s = NULL;
	struct browsing *b = arg;
	struct control_call *call = b->call;
	json_t *list = json_array(), *params;

	while ((s = browse_next(b->browse, s)))
		json_array_append_new(list, service_object(s));
	params = json_pack("{s:o}", "services", list);
	b->complete = true;
	if (control_wants_more(call)) {
		control_more(call, params);
		return;
	}
	browsing_free(b);
	control_reply(call, params);
}

static void on_trouble(void *arg, const char *why)
{
	struct browsing *b = arg;
	struct control_call *call = b->call;
	char text[512];

	if (b->complete) {
		control_more(call, json_pack("{s:s s:o}", "event", "trouble", "why",
					     control_text(why)));
		return;
	}
	snprintf(text, sizeof(text), "the server cannot be asked: %s", why);
	browsing_free(b);
	control_error(call, "NotReached", text);
}

/* At the server that hosts are followed at, in the same way. */
static bool leg_config_for(const struct daemon *d, struct leg_config *out)
{
	struct subscribe_status s;

	subscribe_status(d->subscribe, &s);
	*out = (struct leg_config){
		.kind = s.kind,
		.to = s.to,
		.zone = d->account->bundle.domain,
		.trust = s.kind == LEG_LLQ_UDP ? NULL : d->trust,
		.signer = host_signer_ops((struct host_signer *)&d->signer),
		.lease = d->conf->llq_lease,
		.deaf = nat_choice(d->nat)->how == MAPPING_OBSERVED,
	};
	return s.to.port;
}

void control_browse(void *arg, struct control_call *call, const json_t *params)
{
	static const struct browse_ops ops = { on_service, on_went, on_complete, on_trouble };
	const char *type = json_string_value(json_object_get(params, "type"));
	struct btmmd_control *c = arg;
	struct daemon *d = control_up(c, call);
	struct leg_config leg;
	struct browsing *b;
	size_t n = 0;

	if (!d)
		return;
	if (type && publish_type_check(type)) {
		control_invalid(call, "type");
		return;
	}
	for (b = c->browsing; b; b = b->next)
		n++;
	if (n >= BROWSINGS) {
		control_error(call, "TooMany", "too many others browse: try again later");
		return;
	}
	if (!leg_config_for(d, &leg)) {
		control_error(call, "NotReached", "no server of the domain has been reached yet "
			      "('btmm-ctl status' says why)");
		return;
	}
	b = calloc(1, sizeof(*b));
	if (b)
		b->browse = browse_new(c->event, &leg, type, &ops, b);
	if (!b || !b->browse) {
		free(b);
		control_error(call, "NotReached", "the server cannot be asked: no memory");
		return;
	}
	b->c = c;
	b->call = call;
	b->next = c->browsing;
	c->browsing = b;
	control_on_gone(call, on_gone, b);
}

void control_browse_end(struct btmmd_control *c)
{
	while (c->browsing) {
		struct control_call *call = c->browsing->call;

		browsing_free(c->browsing);
		control_error(call, "Down", "btmmd went down, or began again");
	}
}
