// SPDX-License-Identifier: GPL-2.0-or-later
/* [service "Alice's Mac._ssh._tcp"] */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../lib/text/number.h"
#include "conf_int.h"

/* Where the type begins in INSTANCE._NAME._PROTO; NULL: there is none. */
static const char *type_in(const char *text)
{
	const char *p = strrchr(text, '.');

	if (!p)
		return NULL;
	while (p > text && p[-1] != '.')
		p--;
	return *p == '_' ? p : NULL;
}

static const char *service_new(struct conf_draft *d, const char *instance, size_t len,
			       const char *type)
{
	size_t n = d->conf->n_services;
	struct conf_service *s;

	if (n == PUBLISH_SERVICES)
		return conf_wrong(d, "these are more than %d services", PUBLISH_SERVICES);
	s = &d->conf->services[n];
	memset(s, 0, sizeof(*s));
	memcpy(s->instance, instance, len);
	snprintf(s->type, sizeof(s->type), "%s", type);
	d->services[n] = d->here;
	d->conf->n_services++;
	d->service = s;
	return NULL;
}

const char *conf_service_begin(struct conf_draft *d, const char *argument)
{
	const char *type = type_in(argument), *bad;
	char instance[CONF_LABEL];
	size_t len, i;

	if (!type)
		return "a service is named: [service \"Alice's Mac._ssh._tcp\"]";
	bad = publish_type_check(type);
	if (bad)
		return conf_wrong(d, "[service \"%s\"]: the type %s %s", argument, type, bad);
	len = type > argument ? (size_t)(type - argument) - 1 : 0;
	if (len >= sizeof(instance))
		return conf_wrong(d, "[service \"%s\"]: the name has more than %d octets",
				  argument, DLABEL_MAX);
	memcpy(instance, argument, len);
	instance[len] = '\0';
	bad = type > argument ? publish_instance_check(instance) : NULL;
	if (bad)
		return conf_wrong(d, "[service \"%s\"]: the name %s", argument, bad);
	/* Another file may say more of it. */
	for (i = 0; i < d->conf->n_services; i++) {
		struct conf_service *s = &d->conf->services[i];

		if (!strcasecmp(s->instance, instance) && !strcasecmp(s->type, type)) {
			d->service = s;
			return NULL;
		}
	}
	return service_new(d, instance, len, type);
}

const char *conf_service_key(struct conf_draft *d, const char *key, const char *value)
{
	struct conf_service *s = d->service;
	const char *bad;
	uint64_t n;

	if (!strcmp(key, "port")) {
		if (text_to_uint(value, 1, 65535, &n))
			return conf_wrong(d, "'%s' is no number from 1 to 65535", value);
		s->port = (uint16_t)n;
		return NULL;
	}
	if (!strcmp(key, "text")) {
		bad = publish_text_check(value);
		return bad ? conf_wrong(d, "'%s' %s", value, bad) :
			     conf_list_add(d, &s->texts, value, PUBLISH_TEXTS);
	}
	if (!strcmp(key, "subtype")) {
		bad = publish_subtype_check(value);
		return bad ? conf_wrong(d, "'%s' %s", value, bad) :
			     conf_list_add(d, &s->subtypes, value, PUBLISH_SUBTYPES);
	}
	if (!strcmp(key, "host")) {
		bad = dname_from_text(value, s->host);
		s->other_host = !bad;
		return bad ? conf_wrong(d, "%s: %s", value, bad) : NULL;
	}
	return "there is no such key in [service]";
}

bool conf_service_equal(const struct conf_service *a, const struct conf_service *b)
{
	return !strcmp(a->instance, b->instance) && !strcmp(a->type, b->type) &&
	       a->port == b->port && conf_list_equal(&a->texts, &b->texts) &&
	       conf_list_equal(&a->subtypes, &b->subtypes) && a->other_host == b->other_host &&
	       (!a->other_host || dname_equal(a->host, b->host));
}

void conf_service_free(struct conf_service *s)
{
	conf_list_free(&s->texts);
	conf_list_free(&s->subtypes);
}

size_t conf_services(const struct btmmd_conf *conf, const char *label,
		     struct publish_service *out)
{
	size_t i;

	for (i = 0; i < conf->n_services; i++) {
		const struct conf_service *s = &conf->services[i];

		out[i] = (struct publish_service){
			.instance = s->instance[0] ? s->instance : label,
			.type = s->type,
			.port = s->port,
			.texts = (const char *const *)s->texts.v,
			.n_texts = s->texts.n,
			.subtypes = (const char *const *)s->subtypes.v,
			.n_subtypes = s->subtypes.n,
			.host = s->other_host ? s->host : NULL,
		};
	}
	return conf->n_services;
}
