// SPDX-License-Identifier: GPL-2.0-or-later
#include "browse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS	3000	/* for all questions to be answered, before it is complete */

enum kind { KIND_TYPES, KIND_INSTANCES, KIND_SRV, KIND_TXT };

struct question {
	struct question *next;
	struct browse *b;
	enum kind kind;
	struct service *service;	/* of KIND_SRV and KIND_TXT */
	uint8_t name[DNAME_MAX];
	bool watched, settled, unwanted;
};

struct service {
	struct browse_service s;
	struct service *next;
	struct question *list;
	bool told, changed, unwanted;
};

struct browse {
	sd_event *event;
	sd_event_source *later, *patience;
	const struct browse_ops *ops;
	void *arg;
	struct leg *leg;
	uint8_t domain[DNAME_MAX];
	struct question *questions;
	struct service *services;
	size_t n_types, n_services;
	bool complete, failed;
};

static void soon(struct browse *b)
{
	sd_event_source_set_enabled(b->later, SD_EVENT_ONESHOT);
}

static struct question *ask(struct browse *b, enum kind kind, const uint8_t *name,
			    struct service *s)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->b = b;
	q->kind = kind;
	q->service = s;
	memcpy(q->name, name, dname_len(name));
	q->next = b->questions;
	b->questions = q;
	soon(b);
	return q;
}

/* --- what the server tells; questions come and go later ------------------------ */

static void type_changed(struct question *list, bool add, const uint8_t *name)
{
	struct browse *b = list->b;
	struct question *q;

	for (q = b->questions; q; q = q->next) {
		if (q->kind == KIND_INSTANCES && dname_equal(q->name, name))
			break;
	}
	if (q)
		q->unwanted = !add;
	else if (add && b->n_types < BROWSE_TYPES && ask(b, KIND_INSTANCES, name, NULL))
		b->n_types++;
}

static void instance_changed(struct question *list, bool add, const uint8_t *name)
{
	struct browse *b = list->b;
	struct service *s;

	for (s = b->services; s; s = s->next) {
		if (dname_equal(s->s.name, name))
			break;
	}
	if (s) {
		s->unwanted = !add;
		return;
	}
	if (!add || b->n_services == BROWSE_SERVICES)
		return;
	s = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->list = list;
	memcpy(s->s.name, name, dname_len(name));
	s->next = b->services;
	b->services = s;
	b->n_services++;
	ask(b, KIND_SRV, name, s);
	ask(b, KIND_TXT, name, s);
}

static void srv_changed(struct service *s, bool add, const struct answer *a)
{
	if (a->rdlen < 7 || dname_check(a->rdata + 6, a->rdlen - 6U) != a->rdlen - 6U)
		return;
	/* Of several, the last one; one that goes may have been replaced before. */
	if (!add && memcmp(s->s.host, a->rdata + 6, a->rdlen - 6U))
		return;
	s->s.has_srv = add;
	s->s.port = (uint16_t)(a->rdata[4] << 8 | a->rdata[5]);
	memset(s->s.host, 0, sizeof(s->s.host));
	memcpy(s->s.host, a->rdata + 6, a->rdlen - 6U);
	s->changed = true;
}

static void txt_changed(struct service *s, bool add, const struct answer *a)
{
	if (a->rdlen > sizeof(s->s.txt))
		return;
	if (!add && (s->s.txt_len != a->rdlen || memcmp(s->s.txt, a->rdata, a->rdlen)))
		return;
	s->s.has_txt = add;
	s->s.txt_len = add ? a->rdlen : 0;
	memcpy(s->s.txt, a->rdata, s->s.txt_len);
	s->changed = true;
}

static void on_change(void *arg, struct peers_question *tag, bool add, const struct answer *a)
{
	struct question *q = (struct question *)tag;
	struct browse *b = arg;
	bool list = q->kind == KIND_TYPES || q->kind == KIND_INSTANCES;

	if (list && a->type == DNS_PTR && a->rdlen &&
	    dname_check(a->rdata, a->rdlen) == a->rdlen &&
	    dname_below(a->rdata, b->domain)) {
		if (q->kind == KIND_TYPES)
			type_changed(q, add, a->rdata);
		else if (dname_below(a->rdata, q->name))
			instance_changed(q, add, a->rdata);
	} else if (q->kind == KIND_SRV && a->type == DNS_SRV) {
		srv_changed(q->service, add, a);
	} else if (q->kind == KIND_TXT && a->type == DNS_TXT) {
		txt_changed(q->service, add, a);
	}
	soon(b);
}

static void on_additional(void *arg, struct peers_question *tag, const struct answer *a)
{
	(void)arg;
	(void)tag;
	(void)a;
}

static void on_settled(void *arg, struct peers_question *tag, enum answers_status status)
{
	struct question *q = (struct question *)tag;

	q->settled = status != ANSWERS_UNKNOWN;
	soon(arg);
}

static void on_news(void *arg)
{
	soon(arg);
}

/* --- questions and services come and go ---------------------------------------- */

static uint16_t type_of(enum kind kind)
{
	switch (kind) {
	case KIND_SRV:
		return DNS_SRV;
	case KIND_TXT:
		return DNS_TXT;
	default:
		return DNS_PTR;
	}
}

/* What hangs from what is not wanted is not wanted. */
static void pass_on(struct browse *b)
{
	struct question *q;
	struct service *s;

	for (s = b->services; s; s = s->next)
		s->unwanted |= s->list->unwanted;
	for (q = b->questions; q; q = q->next) {
		if (q->service)
			q->unwanted = q->service->unwanted;
	}
}

static void sync_questions(struct browse *b)
{
	struct question **at = &b->questions, *q;

	while ((q = *at)) {
		if (!q->unwanted) {
			if (!q->watched)
				leg_watch_as(b->leg, q->name, type_of(q->kind),
					     (struct peers_question *)q);
			q->watched = true;
			at = &q->next;
			continue;
		}
		if (q->watched)
			leg_unwatch(b->leg, (struct peers_question *)q);
		b->n_types -= q->kind == KIND_INSTANCES;
		*at = q->next;
		free(q);
	}
}

static struct service *take_unwanted(struct browse *b)
{
	struct service **at = &b->services, *s, *out = NULL;

	while ((s = *at)) {
		if (!s->unwanted) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		s->next = out;
		out = s;
		b->n_services--;
	}
	return out;
}

static bool all_settled(const struct browse *b)
{
	const struct question *q;

	for (q = b->questions; q; q = q->next) {
		if (!q->settled)
			return false;
	}
	return true;
}

/* --- what is told -------------------------------------------------------------- */

static void tell(struct browse *b, struct service *gone)
{
	struct service *s;

	while ((s = gone)) {
		gone = s->next;
		if (s->told)
			b->ops->went(b->arg, &s->s);
		free(s);
	}
	for (s = b->services; s; s = s->next) {
		if (s->changed && s->s.has_srv)
			b->ops->service(b->arg, &s->s);
		else if (s->changed && s->told)
			b->ops->went(b->arg, &s->s);
		if (s->changed)
			s->told = s->s.has_srv;
		s->changed = false;
	}
}

static int on_later(sd_event_source *source, void *arg)
{
	struct browse *b = arg;
	struct service *gone;
	bool trouble;

	(void)source;
	pass_on(b);
	/* Their questions end before they do. */
	sync_questions(b);
	gone = take_unwanted(b);
	tell(b, gone);
	trouble = leg_failed(b->leg) && !b->failed;
	b->failed = leg_failed(b->leg);
	if (!b->complete && all_settled(b)) {
		b->complete = true;
		b->ops->complete(b->arg);
	} else if (trouble) {
		b->ops->trouble(b->arg, leg_why(b->leg));
	}
	return 0;
}

static int on_patience(sd_event_source *source, uint64_t usec, void *arg)
{
	struct browse *b = arg;

	(void)source;
	(void)usec;
	if (b->complete)
		return 0;
	b->complete = true;
	if (!b->questions || !b->failed)
		b->ops->complete(b->arg);
	else
		b->ops->trouble(b->arg, leg_why(b->leg));
	return 0;
}

/* --- begun and ended ----------------------------------------------------------- */

static bool first_name(const char *type, const uint8_t *domain, uint8_t out[DNAME_MAX])
{
	const char *dot = type ? strchr(type, '.') : NULL;

	if (!type)
		return dname_prefix("_udp", 4, domain, out) &&
		       dname_prefix("_dns-sd", 7, out, out) &&
		       dname_prefix("_services", 9, out, out);
	return dot && dot != type && dname_prefix(dot + 1, strlen(dot + 1), domain, out) &&
	       dname_prefix(type, (size_t)(dot - type), out, out);
}

struct browse *browse_new(sd_event *event, const struct leg_config *leg, const char *type,
			  const struct browse_ops *ops, void *arg)
{
	static const struct leg_ops leg_ops = { on_change, on_additional, on_settled, on_news };
	struct browse *b = calloc(1, sizeof(*b));
	uint8_t name[DNAME_MAX];
	uint64_t now = 0;

	if (!b)
		return NULL;
	b->ops = ops;
	b->arg = arg;
	memcpy(b->domain, leg->zone, dname_len(leg->zone));
	sd_event_now(event, CLOCK_BOOTTIME, &now);
	if (!first_name(type, b->domain, name) ||
	    sd_event_add_defer(event, &b->later, on_later, b) < 0 ||
	    sd_event_add_time(event, &b->patience, CLOCK_BOOTTIME,
			      now + PATIENCE_MS * UINT64_C(1000), 10000, on_patience, b) < 0)
		goto no;
	b->leg = leg_new(event, leg, &leg_ops, b);
	if (!b->leg || !ask(b, type ? KIND_INSTANCES : KIND_TYPES, name, NULL))
		goto no;
	b->n_types += !!type;
	return b;
no:
	browse_free(b);
	return NULL;
}

void browse_free(struct browse *b)
{
	struct question *q;
	struct service *s;

	if (!b)
		return;
	leg_free(b->leg);
	sd_event_source_disable_unref(b->later);
	sd_event_source_disable_unref(b->patience);
	while ((q = b->questions)) {
		b->questions = q->next;
		free(q);
	}
	while ((s = b->services)) {
		b->services = s->next;
		free(s);
	}
	free(b);
}

const struct browse_service *browse_next(const struct browse *b, const struct browse_service *s)
{
	const struct service *at = s ? ((const struct service *)(const void *)s)->next :
				       b->services;

	/* The structure begins with it. */
	while (at && !at->told)
		at = at->next;
	return at ? &at->s : NULL;
}
