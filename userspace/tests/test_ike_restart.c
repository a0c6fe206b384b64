// SPDX-License-Identifier: GPL-2.0-or-later
/* charon comes back, with or without what it had; so does btmmd. */
#include "ike_world.h"

static void kernel_has(struct world *w, const char *src, const char *dst, uint32_t spi)
{
	w->kernel[w->n_kernel++] = (struct ike_kernel_sa){ ip6(src), ip6(dst), spi };
}

static void died_idle(void **state)
{
	struct world *w = world_ready();

	(void)state;
	charon_dies(w);
	assert_int_equal(state_of(w, B), IKE_WAITING);
	charon_comes(w);
	assert_int_equal(w->keys, 2);
	assert_int_equal(w->loads, 2);
	assert_int_equal(w->audits, 2);
	assert_int_equal(state_of(w, B), IKE_TRAP);
	pass(w, 60000);
	assert_int_equal(w->calls, 0);
	world_free(w);
}

static const char *reqid(struct world *w, const char *conn)
{
	const struct paper_conn *c = paper_conn(w, conn);

	assert_non_null(c);
	return c ? c->reqid : "";
}

/* What ties SAs to policies: the next charon's policies take the SAs of the last one. */
static void reqids_stay(void **state)
{
	struct world *w = world_new();
	char b[16], c[16];

	(void)state;
	set(w, B, "fd00:b:0:1:2::1");
	set(w, "c.example.com", "fd00:b:0:2:2::1");
	charon_comes(w);
	strcpy(b, reqid(w, CONN_B));
	strcpy(c, reqid(w, "btmm-c.example.com"));
	assert_string_equal(b, "1073741825");	/* 0x40000001 */
	assert_string_not_equal(b, c);
	charon_dies(w);
	ike_peer_remove(w->m, B, w->now);
	set(w, "d.example.com", "fd00:d::1");
	set(w, B, "fd00:b:0:1:2::1");
	charon_comes(w);
	assert_string_equal(reqid(w, CONN_B), b);
	assert_string_equal(reqid(w, "btmm-c.example.com"), c);
	/* Whoever has the same gets another one, which charon makes. */
	set(w, "e.example.com", "fd00:e:0:1:2::1");
	talk(w);
	assert_string_equal(reqid(w, "btmm-e.example.com"), "");
	world_free(w);
}

/* Its SAs are still in the kernel: new ones first, then they go. */
static void died_with_sas(void **state)
{
	struct world *w = world_ready();
	struct in6_addr peer = ip6(PEER);

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	charon_dies(w);
	/* Packets still flow. */
	assert_int_equal(state_of(w, B), IKE_UP);
	kernel_has(w, LOCAL, PEER, 0xd0000001);
	kernel_has(w, PEER, LOCAL, 0xc0000001);
	/* Not ours */
	kernel_has(w, "fd00:77::1", "fd00:77::2", 0x77);
	w->outcome = IS_SILENT;
	charon_comes(w);
	assert_int_equal(w->calls, 1);
	pass(w, 1000);
	assert_int_equal(w->swept, 0);
	w->next_child = 5;
	w->outcome = SUCCEEDS;
	pass(w, 2000);
	assert_int_equal(state_of(w, B), IKE_UP);
	assert_int_equal(w->swept, 2);
	assert_true(IN6_ARE_ADDR_EQUAL(&w->last_swept.src, &peer) ||
		    IN6_ARE_ADDR_EQUAL(&w->last_swept.dst, &peer));
	pass(w, 60000);
	assert_int_equal(w->swept, 2);
	assert_int_equal(w->calls, 2);
	world_free(w);
}

static void peer_cannot_be_reached(void **state)
{
	struct world *w = world_ready();

	(void)state;
	charon_dies(w);
	kernel_has(w, LOCAL, PEER, 0xd0000001);
	w->outcome = IS_SILENT;
	charon_comes(w);
	pass(w, IKE_CALL_TIME - 1);
	assert_int_equal(w->swept, 0);
	pass(w, 1000);
	assert_int_equal(w->swept, 1);
	world_free(w);
}

/* btmmd was away; charon was not: all is adopted, nothing is touched. */
static void adopted(void **state)
{
	struct world *w = world_new();

	(void)state;
	strcpy(w->conns[w->n_conns].name, CONN_B);
	strcpy(w->conns[w->n_conns].local, LOCAL);
	strcpy(w->conns[w->n_conns++].remote, PEER);
	paper_call(w, CONN_B, SUCCEEDS);
	kernel_has(w, LOCAL, PEER, 0xd0000001);
	kernel_has(w, PEER, LOCAL, 0xc0000001);
	charon_comes(w);
	/* Who the peers are is not known yet. */
	pass(w, 5000);
	assert_int_equal(w->unloads + w->ends + w->swept, 0);
	set(w, B, PEER);
	ike_manager_ready(w->m, true, w->now);
	pass(w, 5000);
	assert_int_equal(state_of(w, B), IKE_UP);
	ike_manager_settled(w->m, w->now);
	pass(w, 5000);
	assert_int_equal(w->unloads + w->ends + w->swept + w->calls, 0);
	assert_int_equal(w->n_sas, 1);
	assert_int_equal(status_of(w, B).age, 15);
	world_free(w);
}

/* While btmmd was away the kernel lost what charon believes in, and has said that it wants
 * SAs. It does not say so again for a while.
 */
static void lost_meanwhile(void **state)
{
	struct world *w = world_new();

	(void)state;
	strcpy(w->conns[w->n_conns].name, CONN_B);
	strcpy(w->conns[w->n_conns].local, LOCAL);
	strcpy(w->conns[w->n_conns++].remote, PEER);
	paper_call(w, CONN_B, SUCCEEDS);
	w->lost = w->sas[0].child;
	charon_comes(w);
	pass(w, 100);
	set(w, B, PEER);
	talk(w);
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->calls, 0);
	ike_manager_ready(w->m, true, w->now);
	pass(w, 100);
	assert_int_equal(w->calls, 1);
	assert_int_equal(state_of(w, B), IKE_UP);
	pass(w, 60000);
	assert_int_equal(w->calls, 1);
	world_free(w);
}

/* The peer has another ULA, or is none any more, since btmmd was there last. */
static void strays(void **state)
{
	struct world *w = world_new();
	size_t i;

	(void)state;
	strcpy(w->conns[0].name, CONN_B);
	strcpy(w->conns[1].name, "btmm-c.example.com");
	strcpy(w->conns[2].name, "somebody-elses");
	strcpy(w->conns[3].name, "btmm-*");
	w->n_conns = 4;
	for (i = 0; i < w->n_conns; i++) {
		strcpy(w->conns[i].local, LOCAL);
		snprintf(w->conns[i].remote, sizeof(w->conns[i].remote), "fd00:e::%zu", i + 1);
		paper_call(w, w->conns[i].name, SUCCEEDS);
	}
	/* of the connection that nobody has any more */
	strcpy(w->sas[w->n_sas].conn, "btmm-d.example.com");
	strcpy(w->sas[w->n_sas].local, LOCAL);
	strcpy(w->sas[w->n_sas].remote, "fd00:d::1");
	w->sas[w->n_sas].state = "ESTABLISHED";
	w->sas[w->n_sas++].id = 99;
	kernel_has(w, LOCAL, "fd00:e::2", 0xd0000002);
	kernel_has(w, LOCAL, "fd00:f::1", 0xd0000099);
	charon_comes(w);
	set(w, B, PEER);
	talk(w);
	/* b's go at once: there is another ULA. */
	assert_int_equal(w->ends, 1);
	assert_int_equal(w->swept, 0);
	ike_manager_settled(w->m, w->now);
	pass(w, 1000);
	assert_int_equal(w->ends, 3);
	assert_int_equal(w->unloads, 2);
	assert_non_null(paper_conn(w, CONN_B));
	assert_non_null(paper_conn(w, "somebody-elses"));
	assert_non_null(paper_conn(w, "btmm-*"));
	assert_null(paper_conn(w, "btmm-c.example.com"));
	assert_int_equal(w->n_sas, 2);
	/* What charon ended it took out of the kernel itself. */
	assert_int_equal(w->swept, 1);
	assert_int_equal(w->last_swept.spi, 0xd0000099);
	world_free(w);
}

static void orphans_of_a_peer_that_comes_late(void **state)
{
	struct world *w = world_new();

	(void)state;
	kernel_has(w, LOCAL, PEER, 0xd0000001);
	ike_manager_ready(w->m, true, w->now);
	charon_comes(w);
	pass(w, 1000);
	assert_int_equal(w->swept, 0);
	w->next_child = 2;
	set(w, B, PEER);
	pass(w, 1000);
	assert_int_equal(w->calls, 1);
	assert_int_equal(w->swept, 1);
	world_free(w);
}

/* The kernel could not be read at once: nothing is listed before. */
static void audit_first(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->no_audit = true;
	set(w, B, PEER);
	ike_manager_ready(w->m, true, w->now);
	charon_comes(w);
	pass(w, 1000);
	assert_int_equal(w->lists, 0);
	assert_int_equal(w->loads, 1);
	assert_int_equal(ike_manager_kernel_sas(w->m, NULL, 0, w->now), 0);
	talk(w);
	assert_true(w->lists >= 1);
	world_free(w);
}

static void identity_comes(struct world *w)
{
	struct in6_addr local = ip6(LOCAL);

	ike_manager_local(w->m, &local, w->now);
	actions(w);
}

/* Who we are is known while charon lists what it has: what it has listed by then has not
 * been held against what the kernel has, and is no orphan for that.
 */
static void audit_amid_a_list(void **state)
{
	struct in6_addr none = in6addr_any;
	struct world *w = world_new();

	(void)state;
	ike_manager_local(w->m, &none, w->now);
	strcpy(w->conns[w->n_conns].name, CONN_B);
	strcpy(w->conns[w->n_conns].local, LOCAL);
	strcpy(w->conns[w->n_conns++].remote, PEER);
	paper_call(w, CONN_B, SUCCEEDS);
	kernel_has(w, LOCAL, PEER, 0xd0000001);
	kernel_has(w, PEER, LOCAL, 0xc0000001);
	set(w, B, PEER);
	ike_manager_ready(w->m, true, w->now);
	w->while_listing = identity_comes;
	charon_comes(w);
	assert_null(w->while_listing);
	assert_int_equal(w->audits, 2);
	ike_manager_settled(w->m, w->now);
	pass(w, 5000);
	assert_int_equal(w->swept + w->ends + w->calls, 0);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

/* Demand outlives charon. */
static void call_goes_on(void **state)
{
	struct world *w = world_ready();

	(void)state;
	w->outcome = IS_SILENT;
	call(w, PEER, IKE_WHY_ASKED);
	charon_dies(w);
	w->outcome = SUCCEEDS;
	pass(w, 1000);
	assert_int_equal(w->calls, 1);
	charon_comes(w);
	assert_int_equal(w->calls, 2);
	assert_int_equal(state_of(w, B), IKE_UP);
	world_free(w);
}

static void removed_while_away(void **state)
{
	struct world *w = world_ready();

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	/* The stream broke; charon lives. */
	w->events = false;
	ike_manager_disconnected(w->m, w->now);
	ike_peer_remove(w->m, B, w->now);
	charon_comes(w);
	pass(w, 1000);
	assert_int_equal(w->n_conns, 0);
	assert_int_equal(w->n_sas, 0);
	world_free(w);
}

/* Nothing is left at charon when the tunnel is taken away. */
static void stopped(void **state)
{
	struct world *w = world_ready();

	(void)state;
	set(w, "c.example.com", "fd00:c::1");
	talk(w);
	paper_call(w, CONN_B, SUCCEEDS);
	strcpy(w->conns[w->n_conns].name, "btmm-gone.example.com");
	strcpy(w->conns[w->n_conns].local, LOCAL);
	strcpy(w->conns[w->n_conns++].remote, "fd00:d::1");
	talk(w);
	ike_manager_stop(w->m, w->now);
	assert_int_equal(w->stopped, 0);
	pass(w, 1000);
	assert_int_equal(w->stopped, 1);
	assert_int_equal(w->n_conns, 0);
	assert_int_equal(w->n_sas, 0);
	pass(w, 60000);
	assert_int_equal(w->stopped, 1);
	world_free(w);
}

/* charon is not there, or goes: nobody is waited for. */
static void stopped_without_charon(void **state)
{
	struct world *w = world_ready();

	(void)state;
	charon_dies(w);
	ike_manager_stop(w->m, w->now);
	talk(w);
	assert_int_equal(w->stopped, 1);
	world_free(w);

	w = world_ready();
	w->mute = true;
	ike_manager_stop(w->m, w->now);
	talk(w);
	assert_int_equal(w->stopped, 0);
	w->mute = false;
	charon_dies(w);
	assert_int_equal(w->stopped, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(died_idle),
		cmocka_unit_test(died_with_sas),
		cmocka_unit_test(reqids_stay),
		cmocka_unit_test(peer_cannot_be_reached),
		cmocka_unit_test(adopted),
		cmocka_unit_test(lost_meanwhile),
		cmocka_unit_test(strays),
		cmocka_unit_test(orphans_of_a_peer_that_comes_late),
		cmocka_unit_test(audit_first),
		cmocka_unit_test(audit_amid_a_list),
		cmocka_unit_test(stopped),
		cmocka_unit_test(stopped_without_charon),
		cmocka_unit_test(call_goes_on),
		cmocka_unit_test(removed_while_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
