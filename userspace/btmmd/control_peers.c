// SPDX-License-Identifier: GPL-2.0-or-later
/* The other hosts: what DNS, the kernel and charon know of each, put together by ULA. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_int.h"

/* --- what the kernel and charon know ------------------------------------------- */

struct known {
	struct tunnel_peer *tunnel;
	struct ike_status *ike;
	size_t n_tunnel, n_ike, room;
	bool failed;
};

static bool grow(void **v, size_t *room, size_t n, size_t size)
{
	void *p;

	if (n < *room)
		return true;
	p = realloc(*v, (*room ? 2 * *room : 64) * size);
	if (!p)
		return false;
	*v = p;
	*room = *room ? 2 * *room : 64;
	return true;
}

static void add_tunnel(void *arg, const struct tunnel_peer *p)
{
	struct known *k = arg;

	if (!grow((void **)&k->tunnel, &k->room, k->n_tunnel, sizeof(*p)))
		k->failed = true;
	else
		k->tunnel[k->n_tunnel++] = *p;
}

static int by_tunnel(const void *a, const void *b)
{
	const struct tunnel_peer *x = a, *y = b;

	return memcmp(&x->ula, &y->ula, sizeof(x->ula));
}

static int by_ike(const void *a, const void *b)
{
	const struct ike_status *x = a, *y = b;

	return memcmp(&x->ula, &y->ula, sizeof(x->ula));
}

static void learn(struct daemon *d, struct known *k)
{
	struct ike_walk w = { 0 };
	struct ike_status s;
	size_t room = 0;

	*k = (struct known){ 0 };
	k->failed = tunnel_peers(d->tunnel, add_tunnel, k) < 0;
	while (ike_manager_next(d->ike, &w, daemon_now(d), &s)) {
		if (!grow((void **)&k->ike, &room, k->n_ike, sizeof(s)))
			break;
		k->ike[k->n_ike++] = s;
	}
	if (k->n_tunnel)
		qsort(k->tunnel, k->n_tunnel, sizeof(*k->tunnel), by_tunnel);
	if (k->n_ike)
		qsort(k->ike, k->n_ike, sizeof(*k->ike), by_ike);
}

static void forget(struct known *k)
{
	free(k->tunnel);
	free(k->ike);
}

static struct tunnel_peer *tunnel_of(const struct known *k, const struct in6_addr *ula)
{
	const struct tunnel_peer key = { .ula = *ula };

	return k->n_tunnel ? bsearch(&key, k->tunnel, k->n_tunnel, sizeof(key), by_tunnel) : NULL;
}

static const struct ike_status *ike_of(const struct known *k, const struct in6_addr *ula)
{
	const struct ike_status key = { .ula = *ula };

	return k->n_ike ? bsearch(&key, k->ike, k->n_ike, sizeof(key), by_ike) : NULL;
}

/* --- one peer ------------------------------------------------------------------ */

static const char *ike_text(enum ike_state s)
{
	static const char *const text[] = { "waiting", "trap", "calling", "up", "refused" };

	return text[s];
}

static const char *known_text(enum answers_status s)
{
	static const char *const text[] = { "unknown", "stale", "polled", "live" };

	return text[s];
}

static const char *path_of(const struct tunnel_peer *t)
{
	if (!t || !t->endpoint.addr.len)
		return "none";
	return t->learnt ? "learnt" : "set";
}

static json_t *endpoint_of(const struct tunnel_peer *t)
{
	return t ? control_endpoint(&t->endpoint.addr, t->endpoint.port) : json_null();
}

static void put_tunnel(json_t *o, const struct tunnel_peer *t)
{
	bool heard = t && t->heard;

	json_object_update_new(o, json_pack("{s:o s:s s:o s:I s:I s:I}",
					    "endpoint", endpoint_of(t),
					    "path", path_of(t),
					    "heard_ms", heard ? json_integer(t->heard_ago) :
								json_null(),
					    "rx_bytes", t ? (json_int_t)t->rx_bytes : 0,
					    "tx_bytes", t ? (json_int_t)t->tx_bytes : 0,
					    "moves", t ? (json_int_t)t->moves : 0));
}

static void put_ike(json_t *o, const struct ike_status *s)
{
	bool up = s && s->children;
	json_int_t age_ms = up ? (json_int_t)s->age * 1000 : 0;

	json_object_update_new(o, json_pack("{s:s? s:o s:s? s:I s:o}",
					    "ike", s ? ike_text(s->state) : NULL,
					    "sa_age_ms", up ? json_integer(age_ms) : json_null(),
					    "suite", up ? s->suite : NULL,
					    "sas", s ? (json_int_t)s->children : 0,
					    "ike_error", control_text(s ? s->error : NULL)));
}

static json_t *peer_object(const struct peers_status *s, const struct known *k)
{
	const struct tunnel_peer *t = s->told ? tunnel_of(k, &s->ula) : NULL;
	const struct ike_status *ike = s->told ? ike_of(k, &s->ula) : NULL;
	json_t *o = json_pack("{s:o s:b s:o s:o s:s s:o}",
			      "name", control_text(s->name),
			      "present", s->told,
			      "why", control_text(peers_reason_text(s->reason)),
			      "ula", control_ula(&s->ula),
			      "known", known_text(s->known),
			      "published", s->told ? control_endpoint(&s->outer, s->port) :
						     json_null());

	put_tunnel(o, t);
	put_ike(o, ike);
	return o;
}

/* One that is there by hand, or of whom DNS has not told yet. */
static json_t *stranger_object(const struct tunnel_peer *t, const struct known *k)
{
	json_t *o = json_pack("{s:n s:b s:s s:o s:s s:n}", "name", "present", 1, "why",
			      "DNS does not tell of it", "ula", control_ula(&t->ula), "known",
			      "unknown", "published");

	put_tunnel(o, t);
	put_ike(o, ike_of(k, &t->ula));
	return o;
}

json_t *control_peers_list(struct daemon *d)
{
	const struct peers *all = subscribe_peers(d->subscribe);
	json_t *list = json_array();
	struct peers_walk w = { 0 };
	struct peers_status s;
	struct known k;
	size_t i;

	learn(d, &k);
	while (peers_next(all, &w, &s)) {
		struct tunnel_peer *t = s.told ? tunnel_of(&k, &s.ula) : NULL;

		if (s.reason == PEERS_SELF)
			continue;
		json_array_append_new(list, peer_object(&s, &k));
		/* So that it is not met again below. */
		if (t)
			t->moves |= UINT32_C(1) << 31;
	}
	for (i = 0; i < k.n_tunnel; i++) {
		if (!(k.tunnel[i].moves >> 31))
			json_array_append_new(list, stranger_object(&k.tunnel[i], &k));
	}
	forget(&k);
	return list;
}

void control_peers(void *arg, struct control_call *call, const json_t *params)
{
	struct btmmd_control *c = arg;
	struct daemon *d = control_up(c, call);

	(void)params;
	if (!d)
		return;
	/* Bytes and SAs of charon, for who asks next. */
	ike_manager_refresh(d->ike);
	vici_conn_kick(d->vici);
	control_reply(call, json_pack("{s:o}", "peers", control_peers_list(d)));
}

/* --- by name ------------------------------------------------------------------- */

struct found {
	char name[PEERS_NAME];
	struct in6_addr ula;
	bool self;
	enum answers_status known;
};

static bool same_name(const char *a, const char *b)
{
	size_t n = strlen(a);

	if (n && a[n - 1] == '.')
		n--;
	return !strncasecmp(a, b, n) && !b[n];
}

/* What others call it is its name; within the account the first label is enough. */
static bool is_called(const char *text, const char *name, const struct in6_addr *ula)
{
	size_t label = strcspn(name, ".");
	struct in6_addr a;

	if (same_name(text, name))
		return true;
	if (!strchr(text, '.') && strlen(text) == label && !strncasecmp(text, name, label))
		return true;
	return !text_to_ula(text, &a) && !memcmp(&a, ula, sizeof(a));
}

static bool find(const struct daemon *d, const char *text, struct found *out)
{
	const struct peers *all = subscribe_peers(d->subscribe);
	struct peers_walk w = { 0 };
	struct peers_status s;

	*out = (struct found){ .known = ANSWERS_LIVE };
	if (identity_is_set(&d->id) && is_called(text, d->host, &d->id.ula)) {
		snprintf(out->name, sizeof(out->name), "%.253s", d->host);
		out->ula = d->id.ula;
		out->self = true;
		return true;
	}
	while (peers_next(all, &w, &s)) {
		if (!s.told || !is_called(text, s.name, &s.ula))
			continue;
		snprintf(out->name, sizeof(out->name), "%s", s.name);
		out->ula = s.ula;
		out->known = s.known;
		return true;
	}
	return false;
}

/* Why there is no such host. */
static void not_found(const struct daemon *d, struct control_call *call, const char *text)
{
	const struct peers *all = subscribe_peers(d->subscribe);
	struct peers_walk w = { 0 };
	struct peers_status s;
	char what[512];

	while (peers_next(all, &w, &s)) {
		if (s.reason == PEERS_SELF || !is_called(text, s.name, &s.ula))
			continue;
		snprintf(what, sizeof(what), "%.253s is in the account, but %s", s.name,
			 s.reason == PEERS_ASKING ? "nothing more is known of it yet" :
						    peers_reason_text(s.reason));
		control_error(call, "NotKnownYet", what);
		return;
	}
	if (peers_known(all) == ANSWERS_UNKNOWN) {
		control_error(call, "NotKnownYet", "no server has told yet which hosts there are "
			      "('btmm-ctl status' says why)");
		return;
	}
	snprintf(what, sizeof(what), "the account has no host '%.253s' that is there now "
		 "('btmm-ctl peers' lists them)", text);
	control_error(call, "NoSuchHost", what);
}

/* NULL: the call has been answered. */
static struct daemon *find_for(struct btmmd_control *c, struct control_call *call,
			       const json_t *params, struct found *out)
{
	const char *text = json_string_value(json_object_get(params, "name"));
	struct daemon *d;

	if (!text || !*text || strlen(text) >= PEERS_NAME) {
		control_invalid(call, "name");
		return NULL;
	}
	d = control_up(c, call);
	if (!d || find(d, text, out))
		return d;
	not_found(d, call, text);
	return NULL;
}

void control_resolve(void *arg, struct control_call *call, const json_t *params)
{
	struct found f;

	if (!find_for(arg, call, params, &f))
		return;
	control_reply(call, json_pack("{s:o s:o s:b s:s}", "name", control_text(f.name),
				      "ula", control_ula(&f.ula), "self", f.self,
				      "known", known_text(f.known)));
}

void control_call_peer(void *arg, struct control_call *call, const json_t *params)
{
	struct tunnel_peer t = { 0 };
	struct ike_walk w = { 0 };
	struct ike_status s;
	struct daemon *d;
	const char *state = NULL;
	struct found f;

	d = find_for(arg, call, params, &f);
	if (!d)
		return;
	if (!f.self) {
		ike_peer_call(d->ike, &f.ula, IKE_WHY_ASKED, daemon_now(d));
		vici_conn_kick(d->vici);
		tunnel_peer(d->tunnel, &f.ula, &t);
		while (!state && ike_manager_next(d->ike, &w, daemon_now(d), &s)) {
			if (!memcmp(&s.ula, &f.ula, sizeof(s.ula)))
				state = ike_text(s.state);
		}
	}
	control_reply(call, json_pack("{s:o s:o s:b s:s? s:o s:s}", "name", control_text(f.name),
				      "ula", control_ula(&f.ula), "self", f.self, "ike", state,
				      "endpoint", endpoint_of(&t), "path",
				      f.self ? "self" : path_of(&t)));
}
