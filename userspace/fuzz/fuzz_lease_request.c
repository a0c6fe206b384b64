// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * UPDATE messages from hosts, accounts and administrators: libFuzzer target for
 * update_parse(), rights_check() and rewriting, with locks, leases, expiry and
 * settling behind them. The input is a row of events, each begun by an octet that
 * says what: a request as it stands on the wire; one put together from few names
 * and values, so that they meet; an answer of the primary, or none; time; changes
 * by others; restarts.
 *
 * What is sent to the primary has to be well-formed. Hosts and expiry may touch
 * neither what is static nor what another holds. In the end leases, markers and what
 * is hidden have to agree.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)	do { if (!(condition)) abort(); } while (0)
#include "../tests/lease_request.h"
#include "../tests/lease_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define JOBS		2
#define EVENTS_MAX	200

struct input {
	const uint8_t *p;
	size_t left;
};

static struct world_job jobs[JOBS];
static bool busy[JOBS];
static enum rights_role job_role[JOBS];
static struct zone *job_mirror[JOBS];		/* as it was when the job was planned */

static uint8_t next(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

/* --- pieces ------------------------------------------------------------------------- */

static const char *const keys[] = {
	"\1a\7example\3com", "\1b\7example\3com", "\1c\1a\7example\3com",
	"\10_account\7example\3com", "\5admin",
};
static const enum rights_role roles[] = {
	RIGHTS_HOST, RIGHTS_HOST, RIGHTS_HOST, RIGHTS_ACCOUNT, RIGHTS_ADMIN,
};

static const uint8_t *name(struct input *in)
{
	static const char *const names[] = {
		"\1a\7example\3com", "\1A\7example\3com", "\1b\7example\3com",
		"\1c\1a\7example\3com", "\1x\1a\7example\3com", "\7example\3com",
		"\14AutoTunnel-1\7example\3com", "\14autotunnel-2\7example\3com",
		"\1i\4_ssh\4_tcp\7example\3com", "\4_ssh\4_tcp\7example\3com",
		"\11_services\7_dns-sd\4_udp\7example\3com", "\6static\7example\3com",
		"\10_dns-llq\4_udp\7example\3com", "\1*\1a\7example\3com", "\3com",
		"\1s\4_sub\4_ssh\4_tcp\7example\3com",
	};

	return (const uint8_t *)names[next(in) % (sizeof(names) / sizeof(*names))];
}

static uint16_t type(struct input *in)
{
	static const uint16_t types[] = {
		DNS_A, DNS_TXT, DNS_PTR, DNS_SRV, DNS_KEY, DNS_AAAA, DNS_ENROLLED, DNS_LEASED,
		DNS_NS, DNS_SOA, DNS_MX, 48, 65280, DNS_A, DNS_TXT, DNS_PTR,
	};

	return types[next(in) % (sizeof(types) / sizeof(*types))];
}

static void marker_of(struct input *in, uint8_t out[MARKER_LEN])
{
	static const uint8_t address[4] = { 192, 0, 2, 1 };
	struct marker m = { .type = DNS_A };

	marker_record_hash(DNS_A, address, 4, m.record);
	marker_holder_hash((const uint8_t *)keys[next(in) % 5], m.holder);
	marker_write(&m, out);
}

static size_t rdata(struct input *in, uint16_t t, uint8_t out[32 + DNAME_MAX])
{
	const uint8_t *target;
	uint8_t v = next(in);

	memset(out, 0, 32);
	switch (t) {
	case DNS_A:
		memcpy(out, (const uint8_t[]){ 192, 0, 2, v & 3 }, 4);
		return 4;
	case DNS_AAAA:
		out[0] = 0x20;
		out[15] = v & 3;
		return 16;
	case DNS_TXT:
		out[0] = 1;
		out[1] = v & 3;
		return 2;
	case DNS_PTR:
	case DNS_NS:
	case DNS_SRV:
	case DNS_MX:
		target = name(in);
		v = t == DNS_SRV ? 6 : t == DNS_MX ? 2 : 0;
		memcpy(out + v, target, dname_len(target));
		return v + dname_len(target);
	case DNS_ENROLLED:
		out[0] = 1;
		out[1] = 1;
		out[2] = v & 1;
		return 18;
	case DNS_LEASED:
		marker_of(in, out);
		return MARKER_LEN;
	default:
		out[4] = v;
		return 5;
	}
}

static void put_record(struct input *in, struct req *rq)
{
	uint8_t rd[32 + DNAME_MAX], how = next(in);
	const uint8_t *owner = name(in);
	uint16_t t = type(in);
	size_t len;

	switch (how & 7) {
	case 0:
		req_delete_set(rq, owner, how & 8 ? DNS_ANY : t);
		break;
	case 1:
		len = rdata(in, t, rd);
		req_delete(rq, owner, t, rd, len);
		break;
	case 2:
		req_prereq(rq, owner, how & 8 ? DNS_ANY : t, how & 16 ? DNS_NONE : DNS_CLASS_ANY,
			   NULL, 0);
		break;
	default:
		len = rdata(in, t, rd);
		req_add(rq, owner, t, how, rd, len);
	}
}

/* --- what may not change ---------------------------------------------------------------- */

/* Does a marker of the record stand there? */
static bool is_marked(const struct zone *z, const uint8_t *owner, const struct zone_rr *rr)
{
	const struct zone_node *n = zone_find(z, owner);
	struct zone_rr there;
	struct marker m;
	uint8_t hash[MARKER_HASH];
	size_t pos = 0;

	marker_record_hash(rr->type, rr->rdata, rr->rdlen, hash);
	while (n && zone_node_next(n, &pos, &there)) {
		if (there.type == DNS_LEASED && marker_read(there.rdata, there.rdlen, &m) &&
		    m.type == rr->type && !memcmp(m.record, hash, MARKER_HASH))
			return true;
	}
	return false;
}

/* All that is static in @before is so in @after, if that could be known: if it was so
 * when the mirror looked like @known.
 */
static void static_stays(const struct zone *before, const struct zone *known,
			 const struct zone *after)
{
	const struct zone_node *n;
	struct zone_rr rr;
	size_t at = 0, pos;

	while ((n = zone_next(before, &at))) {
		const uint8_t *owner = zone_node_name(n);

		for (pos = 0; zone_node_next(n, &pos, &rr);) {
			if (rr.type == DNS_LEASED || is_marked(before, owner, &rr) ||
			    !zone_has(known, owner, rr.type, rr.rdata, rr.rdlen, NULL) ||
			    is_marked(known, owner, &rr))
				continue;
			MUST(zone_has(after, owner, rr.type, rr.rdata, rr.rdlen, NULL));
			MUST(!is_marked(after, owner, &rr));
		}
	}
}

/* What others hold, and is not over, stays held. */
static void leases_stay(const struct world *w, const struct zone *before,
			const uint8_t *holder)
{
	const struct lease *lease = NULL;
	uint8_t rd[MARKER_LEN];

	while ((lease = lease_zone_next(w->z, lease))) {
		if (!lease->confirmed || lease->expired || lease->at->unsettled ||
		    (holder && !memcmp(lease->marker.holder, holder, MARKER_HASH)))
			continue;
		marker_write(&lease->marker, rd);
		/* Maybe somebody else has taken it away. */
		if (zone_has(before, lease->at->name, DNS_LEASED, rd, MARKER_LEN, NULL))
			MUST(zone_has(w->primary, lease->at->name, DNS_LEASED, rd, MARKER_LEN,
				      NULL));
	}
}

static struct zone *snapshot(const struct zone *z)
{
	struct zone *copy = zone_new(world_apex);

	MUST(copy);
	world_copy(z, copy);
	return copy;
}

/* --- events ----------------------------------------------------------------------------- */

static void begin_job(struct world *w, struct input *in, const uint8_t *msg, size_t len)
{
	uint8_t how = next(in), key = how % 5, apex[DNAME_MAX], holder[DNAME_MAX];
	struct rights_who who = { .role = roles[key] };
	bool blocked;
	int i = how >> 7;

	memcpy(holder, keys[key], dname_len((const uint8_t *)keys[key]));
	memcpy(apex, world_apex, sizeof(world_apex));
	who.name = holder;
	who.apex = apex;
	if (busy[i])
		return;
	if (world_begin(w, &jobs[i], &who, msg, len, &blocked))
		return;
	busy[i] = true;
	job_role[i] = who.role;
	job_mirror[i] = snapshot(w->mirror);
}

/* Done as soon as it was sent, or late, or never; and told or not. */
static void end_job(struct world *w, struct input *in)
{
	uint8_t how = next(in);
	int i = how & 1;
	enum dns_rcode rcode = DNS_SERVFAIL;
	struct zone *before;

	if (!busy[i])
		return;
	before = snapshot(w->primary);
	if (how & 2)
		rcode = jobs[i].len ? primary_update(w, jobs[i].out, jobs[i].len) : DNS_NOERROR;
	if (job_role[i] == RIGHTS_HOST && !rcode) {
		static_stays(before, job_mirror[i], w->primary);
		leases_stay(w, before, jobs[i].r.holder);
	}
	if (how & 4)
		world_end(w, &jobs[i], REWRITE_UNKNOWN);
	else
		world_end(w, &jobs[i], rcode ? REWRITE_NOT_DONE : REWRITE_DONE);
	busy[i] = false;
	zone_free(job_mirror[i]);
	zone_free(before);
}

static void raw(struct world *w, struct input *in)
{
	size_t len = next(in);
	uint8_t *copy;

	len |= (size_t)(next(in) & 7) << 8;
	len = len < in->left ? len : in->left;
	/* Ends where its allocation ends. */
	copy = malloc(len ? len : 1);
	MUST(copy);
	memcpy(copy, in->p, len);
	in->p += len;
	in->left -= len;
	begin_job(w, in, copy, len);
	free(copy);
}

static void made(struct world *w, struct input *in)
{
	uint8_t n = next(in), how = next(in);
	struct req rq;

	req_init(&rq, world_apex);
	for (n = 1 + (n & 7); n; n--)
		put_record(in, &rq);
	if (how & 1)
		req_lease(&rq, 10u * how, how, how & 2);
	begin_job(w, in, rq.b, rq.w.failed ? 0 : rq.w.len);
}

static void foreign(struct world *w, struct input *in)
{
	uint8_t rd[32 + DNAME_MAX], how = next(in), owner[DNAME_MAX];
	const uint8_t *n = name(in);
	uint16_t t = type(in);
	size_t len = rdata(in, t, rd);

	memcpy(owner, n, dname_len(n));
	dname_lower(owner);
	if (t == DNS_PTR || t == DNS_NS)
		dname_lower(rd);
	if (t == DNS_SRV || t == DNS_MX)
		dname_lower(rd + (t == DNS_SRV ? 6 : 2));
	if (t == DNS_SOA || !dname_within(owner, world_apex))
		return;
	if (how & 1)
		zone_add(w->primary, owner, t, how, rd, (uint16_t)len);
	else
		zone_remove(w->primary, owner, t, rd, (uint16_t)len);
}

static void expire(struct world *w, struct input *in)
{
	uint8_t how = next(in);
	struct zone *before = snapshot(w->primary);

	world_expire(w, how & 1 ? 200 + how : DNS_MAX, how & 2, how & 4);
	static_stays(before, w->mirror, w->primary);
	leases_stay(w, before, NULL);
	zone_free(before);
}

static void drop_jobs(struct world *w)
{
	int i;

	for (i = 0; i < JOBS; i++) {
		if (!busy[i])
			continue;
		world_end(w, &jobs[i], REWRITE_UNKNOWN);
		zone_free(job_mirror[i]);
		busy[i] = false;
	}
}

/* Leases, markers and what is hidden agree when nothing is under way. */
static void agree(struct world *w)
{
	const struct zone_node *n;
	struct lease *lease = NULL;
	size_t markers = 0, at = 0, pos;
	struct zone_rr rr;
	struct marker m;

	while ((n = zone_next(w->mirror, &at))) {
		const struct lease_owner *o = lease_owner_find(w->z, zone_node_name(n));

		for (pos = 0; zone_node_next(n, &pos, &rr);) {
			MUST(rr.type == DNS_LEASED || !rr.hidden || o);
			if (rr.type == DNS_LEASED && marker_read(rr.rdata, rr.rdlen, &m)) {
				MUST(o && lease_find(o, &m));
				markers++;
			}
		}
	}
	MUST(leases_count(w->l) == markers);
	while ((lease = lease_zone_next(w->z, lease)))
		MUST(lease->confirmed && !lease->pending && !lease->leaving && lease->row &&
		     lease->expired == (lease->expiry <= w->now));
}

static void event(struct world *w, struct input *in)
{
	switch (next(in) & 15) {
	case 0:
	case 1:
		raw(w, in);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		made(w, in);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		end_job(w, in);
		break;
	case 10:
		w->now += 4000u * next(in);
		leases_pass(w->l, w->now);
		break;
	case 11:
		foreign(w, in);
		break;
	case 12:
	case 13:
		world_sync(w);
		break;
	case 14:
		expire(w, in);
		break;
	default:
		drop_jobs(w);
		world_start(w, next(in) & 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t enrolled[18] = { 1, 1 }, text[2] = { 1, 'x' };
	struct input in = { .p = data, .left = size };
	struct world w;
	int i;

	world_init(&w);
	for (i = 0; i < 2; i++)
		zone_add(w.primary, (const uint8_t *)keys[i], DNS_ENROLLED, 300, enrolled, 18);
	zone_add(w.primary, (const uint8_t *)"\6static\7example\3com", DNS_TXT, 300, text, 2);
	world_sync(&w);

	for (i = 0; i < EVENTS_MAX && in.left; i++)
		event(&w, &in);

	drop_jobs(&w);
	world_sync(&w);
	/* What a host held that is not enrolled any more ends in the next pass. */
	leases_pass(w.l, w.now);
	agree(&w);
	world_free(&w);
	return 0;
}
