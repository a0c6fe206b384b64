// SPDX-License-Identifier: GPL-2.0-or-later
/* What charon is told of peers that come, change and go, and of keys. */
#include "ike_world.h"

#include <errno.h>

static void identity(void **state)
{
	struct ike_identity id = { .name = "a.example.com" };
	struct ike_manager *m;
	char long_name[IKE_NAME + 1], key[64];
	static const char *const bad[] = {
		"", ".a", "a.", "a..b", "a b", "a=b", "a@b", "*", "a%", "a\"", "\303\244",
	};
	size_t i;
	int err;

	(void)state;
	memset(key, 'k', sizeof(key));
	assert_null(ike_manager_new(&id, &err));
	assert_int_equal(err, -EINVAL);
	id.psk = (struct vici_span){ (uint8_t *)key, 31 };
	assert_null(ike_manager_new(&id, &err));
	id.psk.len = 32;
	m = ike_manager_new(&id, &err);
	assert_non_null(m);
	assert_int_equal(err, 0);
	ike_manager_free(m);
	id.key = text_span("KEY");
	assert_null(ike_manager_new(&id, &err));
	id.psk.len = 0;
	id.cert = text_span("CERT");
	assert_null(ike_manager_new(&id, &err));
	id.authority = text_span("CA");
	for (i = 0; i < N_OF(bad); i++) {
		id.name = bad[i];
		assert_null(ike_manager_new(&id, &err));
	}
	memset(long_name, 'a', sizeof(long_name));
	long_name[IKE_NAME] = '\0';
	id.name = long_name;
	assert_null(ike_manager_new(&id, &err));
	id.name = long_name + 1;
	m = ike_manager_new(&id, &err);
	assert_non_null(m);
	id.name = "other.example.com";
	assert_int_equal(ike_manager_identity(m, &id, 0), -EINVAL);
	ike_manager_free(m);
	ike_manager_free(NULL);
}

static void peers(void **state)
{
	struct world *w = world_ready();
	struct in6_addr ula = ip6("fd00:b::1"), global = ip6("2001:db8::1"), own = ip6(LOCAL);

	(void)state;
	assert_int_equal(ike_peer_set(w->m, "b", &global, 0), -EINVAL);
	assert_int_equal(ike_peer_set(w->m, "a.Example.com", &ula, 0), -EINVAL);
	assert_int_equal(ike_peer_set(w->m, "a b", &ula, 0), -EINVAL);
	assert_int_equal(ike_peer_set(w->m, "c.example.com", &ula, 0), -EEXIST);
	assert_int_equal(ike_peer_set(w->m, "c.example.com", &own, 0), -EEXIST);
	/* The same host, whatever the letters */
	assert_int_equal(ike_peer_set(w->m, "B.EXAMPLE.com", &ula, 0), 0);
	talk(w);
	assert_int_equal(w->loads, 1);
	world_free(w);
}

static void first_words(void **state)
{
	struct world *w = world_new();

	(void)state;
	set(w, B, PEER);
	ike_manager_ready(w->m, true, w->now);
	assert_int_equal(state_of(w, B), IKE_WAITING);
	talk(w);
	assert_int_equal(w->loads, 0);
	charon_comes(w);
	assert_true(w->events);
	assert_int_equal(w->keys, 1);
	assert_int_equal(w->loads, 1);
	assert_int_equal(w->audits, 1);
	assert_int_equal(w->calls, 0);
	assert_int_equal(w->n_conns, 1);
	assert_string_equal(w->conns[0].name, CONN_B);
	assert_string_equal(w->conns[0].local, LOCAL);
	assert_string_equal(w->conns[0].remote, PEER);
	assert_true(w->conns[0].trap);
	assert_int_equal(state_of(w, B), IKE_TRAP);
	assert_true(w->changed >= 1);
	assert_true(ike_manager_fresh(w->m));
	assert_true(ike_manager_deadline(w->m) == UINT64_MAX);
	world_free(w);
}

static void settings(void **state)
{
	static const char *const has[] = {
		"local_addrs", "version##2", "fqdn:a.example.com", "fqdn:b.example.com",
		"mobike##no", "fragmentation##yes", "unique##replace", "keyingtries##1",
		"aes128gcm16-x25519-esn###chacha20poly1305-x25519-esn",
		"aes128gcm16-prfsha256-x25519###chacha20poly1305-prfsha256-x25519",
		"replay_window##2048", PEER "/128", LOCAL "/128", "mode##tunnel", "pubkey",
		"certs###CERT", "cacerts###CA",
	};
	struct world *w = world_ready();
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(has); i++) {
		const char *want = has[i], *at;
		bool found = false;

		/* '#' stands for any octet: lengths, and what is not printable */
		for (at = w->last_load; *at && !found; at++) {
			size_t j;

			for (j = 0; want[j] && at[j] && (want[j] == '#' || want[j] == at[j]); j++)
				;
			found = !want[j];
		}
		if (!found)
			fail_msg("no %s in %s", want, w->last_load);
	}
	assert_null(strstr(w->last_load, "KEY"));
	world_free(w);
}

static void chacha_first_and_psk(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char key[33] = "0123456789abcdef0123456789abcdef";
	struct ike_identity id = { .name = "a.example.com", .psk = text_span(key), .rekey = 60 };
	struct in6_addr local = ip6(LOCAL);
	int err;

	(void)state;
	w->m = ike_manager_new(&id, &err);
	assert_non_null(w->m);
	ike_manager_local(w->m, &local, 0);
	set(w, B, PEER);
	charon_comes(w);
	assert_int_equal(w->loads, 1);
	assert_non_null(strstr(w->last_load, "psk"));
	assert_null(strstr(w->last_load, "pubkey"));
	assert_null(strstr(w->last_load, key));
	assert_true(strstr(w->last_load, "chacha20poly1305-x25519-esn") <
		    strstr(w->last_load, "aes128gcm16-x25519-esn"));
	/* Not ready: others may call, we do not. */
	assert_false(w->conns[0].trap);
	world_free(w);
}

static void ready_brings_the_trap(void **state)
{
	struct world *w = world_new();

	(void)state;
	set(w, B, PEER);
	charon_comes(w);
	assert_false(w->conns[0].trap);
	call(w, PEER, IKE_WHY_ASKED);
	pass(w, 1000);
	assert_int_equal(w->calls, 0);
	ike_manager_ready(w->m, true, w->now);
	talk(w);
	assert_true(w->conns[0].trap);
	assert_int_equal(w->loads, 2);
	assert_int_equal(w->calls, 1);
	ike_manager_ready(w->m, true, w->now);
	talk(w);
	assert_int_equal(w->loads, 2);
	ike_manager_ready(w->m, false, w->now);
	talk(w);
	assert_false(w->conns[0].trap);
	world_free(w);
}

static void no_ula_no_peers(void **state)
{
	struct world *w = world_new();
	struct in6_addr none = in6addr_any, local = ip6(LOCAL);

	(void)state;
	ike_manager_local(w->m, &none, w->now);
	set(w, B, PEER);
	charon_comes(w);
	pass(w, 60000);
	assert_int_equal(w->loads, 0);
	ike_manager_local(w->m, &local, w->now);
	talk(w);
	assert_int_equal(w->loads, 1);
	/* The kernel is read again with an address to look for. */
	assert_int_equal(w->audits, 2);
	world_free(w);
}

static void other_ula(void **state)
{
	struct world *w = world_ready();

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	paper_call(w, CONN_B, IS_SILENT);
	talk(w);
	assert_int_equal(state_of(w, B), IKE_UP);
	set(w, B, PEER2);
	/* What leads to the old one is nothing any more. */
	assert_int_not_equal(state_of(w, B), IKE_UP);
	talk(w);
	assert_int_equal(w->loads, 2);
	assert_string_equal(w->conns[0].remote, PEER2);
	/* Also the one that was on its way */
	assert_int_equal(w->ends, 2);
	assert_int_equal(w->n_sas, 0);
	pass(w, 1000);
	assert_int_equal(w->n_conns, 1);
	assert_int_equal(state_of(w, B), IKE_TRAP);
	assert_int_equal(w->calls, 0);
	world_free(w);
}

/* Who calls before charon knows it would be refused: the caller waits for this. */
static void loaded(void **state)
{
	struct world *w = world_new();
	struct in6_addr one = ip6(PEER), two = ip6(PEER2);

	(void)state;
	set(w, B, PEER);
	assert_false(ike_peer_loaded(w->m, &one));
	charon_comes(w);
	assert_true(ike_peer_loaded(w->m, &one));
	assert_false(ike_peer_loaded(w->m, &two));
	/* The same state, another ULA: that is told, too. */
	w->changed = 0;
	set(w, B, PEER2);
	assert_false(ike_peer_loaded(w->m, &one));
	assert_false(ike_peer_loaded(w->m, &two));
	talk(w);
	assert_true(ike_peer_loaded(w->m, &two));
	assert_true(w->changed >= 1);
	/* It has been said, but not answered. */
	w->mute = true;
	set(w, B, PEER);
	talk(w);
	assert_false(ike_peer_loaded(w->m, &one));
	w->mute = false;
	charon_dies(w);
	assert_false(ike_peer_loaded(w->m, &one));
	charon_comes(w);
	assert_true(ike_peer_loaded(w->m, &one));
	ike_peer_remove(w->m, B, w->now);
	assert_false(ike_peer_loaded(w->m, &one));
	world_free(w);
}

static void other_ula_while_calling(void **state)
{
	struct world *w = world_ready();

	(void)state;
	w->outcome = IS_SILENT;
	call(w, PEER, IKE_WHY_ASKED);
	pass(w, 500);
	assert_int_equal(w->calls, 1);
	w->outcome = SUCCEEDS;
	set(w, B, PEER2);
	talk(w);
	assert_int_equal(w->calls, 2);
	pass(w, 500);
	assert_int_equal(state_of(w, B), IKE_UP);
	assert_int_equal(w->n_sas, 1);
	assert_string_equal(w->sas[0].remote, PEER2);
	world_free(w);
}

static void own_ula_changes(void **state)
{
	struct world *w = world_ready();
	struct in6_addr local = ip6("fd00:a::2");

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	ike_manager_local(w->m, &local, w->now);
	talk(w);
	assert_string_equal(w->conns[0].local, "fd00:a::2");
	assert_int_equal(w->n_sas, 0);
	assert_int_equal(w->ends, 1);
	world_free(w);
}

static void removed(void **state)
{
	struct world *w = world_ready();
	struct ike_walk walk = { 0 };
	struct ike_status s;

	(void)state;
	set(w, "c.example.com", "fd00:c::1");
	talk(w);
	paper_call(w, CONN_B, SUCCEEDS);
	paper_call(w, "btmm-c.example.com", SUCCEEDS);
	talk(w);
	ike_peer_remove(w->m, B, w->now);
	ike_peer_remove(w->m, "nobody.example.com", w->now);
	talk(w);
	pass(w, 1000);
	assert_int_equal(w->unloads, 1);
	assert_int_equal(w->n_conns, 1);
	assert_int_equal(w->n_sas, 1);
	assert_string_equal(w->sas[0].conn, "btmm-c.example.com");
	assert_true(ike_manager_next(w->m, &walk, w->now, &s));
	assert_string_equal(s.name, "c.example.com");
	assert_false(ike_manager_next(w->m, &walk, w->now, &s));
	/* Again, and gone before charon knew */
	set(w, B, PEER);
	ike_peer_remove(w->m, B, w->now);
	pass(w, 1000);
	assert_int_equal(w->n_conns, 1);
	assert_int_equal(w->loads, 2);
	/* Removed and wanted again at once: nothing is lost. */
	ike_peer_remove(w->m, "c.example.com", w->now);
	set(w, "c.example.com", "fd00:c::1");
	pass(w, 1000);
	assert_int_equal(w->n_conns, 1);
	assert_int_equal(w->n_sas, 1);
	world_free(w);
}

static void refused_connection(void **state)
{
	struct world *w = world_new();

	(void)state;
	set(w, B, PEER);
	w->refuse = "load-conn";
	charon_comes(w);
	assert_int_equal(state_of(w, B), IKE_REFUSED);
	assert_string_equal(status_of(w, B).error, "no?reason");
	pass(w, IKE_RETRY - 1);
	assert_int_equal(w->loads, 0);
	pass(w, 1);
	assert_int_equal(w->loads, 1);
	assert_int_equal(state_of(w, B), IKE_TRAP);
	assert_string_equal(status_of(w, B).error, "");
	world_free(w);
}

static void refused_key(void **state)
{
	struct world *w = world_new();

	(void)state;
	set(w, B, PEER);
	w->refuse = "load-key";
	charon_comes(w);
	assert_int_equal(w->loads, 0);
	assert_string_equal(ike_manager_error(w->m), "no?reason");
	pass(w, IKE_RETRY);
	assert_int_equal(w->keys, 1);
	assert_int_equal(w->loads, 1);
	assert_string_equal(ike_manager_error(w->m), "");
	world_free(w);
}

static void new_certificate(void **state)
{
	struct world *w = world_ready();
	struct ike_identity id = {
		.name = "a.example.com", .cert = text_span("CERT2"), .key = text_span("KEY2"),
		.authority = text_span("CA"),
	};

	(void)state;
	paper_call(w, CONN_B, SUCCEEDS);
	assert_int_equal(ike_manager_identity(w->m, &id, w->now), 0);
	talk(w);
	assert_int_equal(w->keys, 2);
	assert_int_equal(w->loads, 2);
	assert_non_null(strstr(w->last_load, "CERT2"));
	assert_int_equal(state_of(w, B), IKE_UP);
	assert_int_equal(w->ends, 0);
	world_free(w);
}

static void silence(void **state)
{
	struct world *w = world_new();

	(void)state;
	set(w, B, PEER);
	w->mute = true;
	charon_comes(w);
	assert_true(ike_manager_deadline(w->m) == w->now + IKE_ANSWER);
	w->now += IKE_ANSWER - 1;
	talk(w);
	assert_false(ike_manager_stuck(w->m));
	w->now++;
	talk(w);
	assert_true(ike_manager_stuck(w->m));
	assert_false(ike_manager_stuck(w->m));
	assert_true(ike_manager_deadline(w->m) == UINT64_MAX);
	w->mute = false;
	charon_dies(w);
	charon_comes(w);
	assert_int_equal(w->loads, 1);
	world_free(w);
}

static int input(struct world *w, enum ike_channel ch, const char *bytes, size_t len)
{
	return ike_manager_input(w->m, ch, w->now, (const uint8_t *)bytes, len);
}

static void nonsense(void **state)
{
	struct world *w = world_ready();

	(void)state;
	assert_int_equal(input(w, IKE_COMMANDS, "", 0), -EBADMSG);
	assert_int_equal(input(w, IKE_COMMANDS, "\1", 1), -EBADMSG);	/* to nothing */
	assert_int_equal(input(w, IKE_EVENTS, "\1", 1), -EBADMSG);
	assert_int_equal(input(w, IKE_EVENTS, "\5", 1), -EBADMSG);
	assert_int_equal(input(w, IKE_COMMANDS, "\5", 1), -EBADMSG);
	assert_int_equal(input(w, IKE_COMMANDS, "\0\1a", 3), -EBADMSG);
	assert_int_equal(input(w, IKE_COMMANDS, "\2", 1), -EBADMSG);
	/* An event without a section, and a listing that nobody asked for */
	assert_int_equal(input(w, IKE_EVENTS, "\7\1x", 3), 0);
	assert_int_equal(input(w, IKE_COMMANDS, "\7\7list-sa\1\1x\2", 13), 0);
	assert_int_equal(state_of(w, B), IKE_TRAP);
	world_free(w);
}

static void status(void **state)
{
	struct world *w = world_ready();
	struct paper_sa *sa;
	struct ike_status s;
	unsigned int lists;

	(void)state;
	sa = paper_call(w, CONN_B, SUCCEEDS);
	talk(w);
	sa->children = 1;
	pass(w, 90000);
	ike_manager_refresh(w->m);
	assert_false(ike_manager_fresh(w->m));
	talk(w);
	assert_true(ike_manager_fresh(w->m));
	s = status_of(w, B);
	assert_int_equal(s.state, IKE_UP);
	assert_int_equal(s.ike_sas, 1);
	assert_int_equal(s.children, 2);
	assert_int_equal(s.age, 90);
	assert_int_equal(s.ike_age, 90);
	assert_int_equal(s.bytes_in, 2000);
	assert_int_equal(s.bytes_out, 20);
	assert_int_equal(s.spi_in, 0xc0000000u + sa->child + 1);
	assert_int_equal(s.spi_out, 0xd0000000u + sa->child + 1);
	assert_string_equal(s.suite, "AES_GCM_16 128");
	assert_true(s.read_at == w->now);
	/* Nothing is asked as long as nothing happens. */
	lists = w->lists;
	pass(w, 3600000);
	assert_int_equal(w->lists, lists);
	world_free(w);
}

/* Of many peers, SAs are asked for in one go. */
static void many(void **state)
{
	struct world *w = world_ready();
	char name[40], ula[40];
	unsigned int i, lists;

	(void)state;
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "h%u.example.com", i);
		snprintf(ula, sizeof(ula), "fd00:%x::1", i + 1000);
		set(w, name, ula);
	}
	talk(w);
	snprintf(name, sizeof(name), "%sh7.example.com", IKE_PREFIX);
	paper_call(w, name, SUCCEEDS);
	talk(w);
	assert_int_equal(status_of(w, "h7.example.com").state, IKE_UP);
	lists = w->lists;
	pass(w, 90000);
	ike_manager_refresh(w->m);
	talk(w);
	assert_int_equal(w->lists, lists + 1);
	assert_true(ike_manager_fresh(w->m));
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "h%u.example.com", i);
		assert_true(status_of(w, name).read_at == w->now);
		assert_int_equal(status_of(w, name).state, i == 7 ? IKE_UP : IKE_TRAP);
	}
	/* One of them by itself */
	ike_peer_remove(w->m, "h3.example.com", w->now);
	talk(w);
	assert_int_equal(w->lists, lists + 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity),
		cmocka_unit_test(peers),
		cmocka_unit_test(first_words),
		cmocka_unit_test(settings),
		cmocka_unit_test(chacha_first_and_psk),
		cmocka_unit_test(ready_brings_the_trap),
		cmocka_unit_test(no_ula_no_peers),
		cmocka_unit_test(other_ula),
		cmocka_unit_test(loaded),
		cmocka_unit_test(other_ula_while_calling),
		cmocka_unit_test(own_ula_changes),
		cmocka_unit_test(removed),
		cmocka_unit_test(refused_connection),
		cmocka_unit_test(refused_key),
		cmocka_unit_test(new_certificate),
		cmocka_unit_test(silence),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(status),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
