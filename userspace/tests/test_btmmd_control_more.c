// SPDX-License-Identifier: GPL-2.0-or-later
/* btmmd's control socket: what takes time, or goes on. */
#define _GNU_SOURCE
#include "test.h"

#include "control_world.h"

/* --- netcheck ------------------------------------------------------------------------- */

static void pass_time(uint64_t ms)
{
	w.now += ms;
	btmmd_control_changed(w.c);
	run_all();
}

static void netcheck_measures(void **state)
{
	int a = dial(), b = dial();
	json_t *o;

	(void)state;
	w.choice.waiting = true;
	say(a, "Netcheck", NULL, false);
	say(b, "Netcheck", NULL, true);
	run_all();
	/* Both are the same one, and the same server is called once for two services. */
	assert_int_equal(w.measured, 1);
	assert_int_equal(w.links, 1);
	pass_time(40);
	o = hear(b);
	assert_at(o, "continues", "true");
	assert_at(o, "parameters.done", "false");
	assert_at(o, "parameters.servers.0.reached", "null");
	assert_at(o, "parameters.mapping.waiting", "true");
	json_decref(o);
	assert_false(has_come(a));

	w.link_ops->open(w.link_arg, NULL);
	assert_int_equal(w.links, 0);
	pass_time(10);
	o = hear(b);
	assert_at(o, "parameters.done", "false");
	assert_at(o, "parameters.servers.0.reached", "true");
	assert_at(o, "parameters.servers.0.took_ms", "40");
	json_decref(o);
	assert_false(has_come(a));

	w.choice.waiting = false;
	pass_time(10);
	o = hear(b);
	assert_at(o, "parameters.done", "true");
	assert_at(o, "continues", "-");
	assert_at(o, "parameters.gateways.0.own", "192.168.1.2");
	assert_at(o, "parameters.servers.0.service", "_dns-update-tls._tcp");
	assert_at(o, "parameters.udp", "unknown");
	json_decref(o);
	o = hear(a);
	assert_at(o, "parameters.done", "true");
	json_decref(o);
	close(a);
	close(b);
	run_all();
}

static void netcheck_is_bounded(void **state)
{
	int a = dial();
	json_t *o;

	(void)state;
	w.choice.waiting = true;
	say(a, "Netcheck", NULL, false);
	run_all();
	pass_time(7999);
	assert_false(has_come(a));
	pass_time(1);
	o = hear(a);
	assert_at(o, "parameters.done", "true");
	assert_at(o, "parameters.servers.0.reached", "null");
	assert_at(o, "parameters.servers.0.took_ms", "null");
	assert_at(o, "parameters.udp", "unknown");
	assert_int_equal(w.links, 0);
	json_decref(o);

	/* STUN goes on asking, but that was long enough. */
	w.stun.n = 1;
	w.stun.state = STUN_OBSERVER_ASKING;
	say(a, "Netcheck", NULL, false);
	run_all();
	w.link_ops->open(w.link_arg, NULL);
	pass_time(7999);
	assert_false(has_come(a));
	pass_time(1);
	o = hear(a);
	assert_at(o, "parameters.udp", "blocked");
	json_decref(o);
	close(a);
	run_all();
}

static void netcheck_sees_blocked_udp(void **state)
{
	json_t *o;
	int a = dial();

	(void)state;
	w.stun.n = 1;
	w.stun.state = STUN_OBSERVER_SILENT;
	say(a, "Netcheck", NULL, false);
	run_all();
	w.link_ops->open(w.link_arg, NULL);
	pass_time(1);
	o = hear(a);
	assert_at(o, "parameters.udp", "blocked");
	assert_at(o, "parameters.stun.state", "silent");
	json_decref(o);
	say(a, "Netcheck", NULL, false);
	run_all();
	w.link_ops->down(w.link_arg, "no way", true);
	pass_time(1);
	o = hear(a);
	assert_at(o, "parameters.udp", "unknown");
	assert_at(o, "parameters.servers.0.reached", "false");
	assert_at(o, "parameters.servers.0.refused", "true");
	assert_at(o, "parameters.servers.0.why", "no way");
	json_decref(o);
	/* Without a network there is nothing to wait for. */
	w.d.has_network = false;
	w.choice.waiting = true;
	say(a, "Netcheck", NULL, false);
	o = hear(a);
	assert_at(o, "parameters.done", "true");
	assert_at(o, "parameters.network", "false");
	json_decref(o);
	close(a);
	run_all();
}

static void netcheck_ends(void **state)
{
	int a = dial(), b = dial();
	json_t *o;

	(void)state;
	w.choice.waiting = true;
	say(a, "Netcheck", NULL, false);
	say(b, "Netcheck", NULL, false);
	run_all();
	/* Who waited goes; the last one takes the measurement with it. */
	close(a);
	run_all();
	pass_time(10);
	assert_int_equal(w.links, 1);
	close(b);
	run_all();
	pass_time(10);
	assert_int_equal(w.links, 0);

	a = dial();
	say(a, "Netcheck", NULL, false);
	run_all();
	btmmd_control_daemon(w.c, NULL);
	o = hear(a);
	assert_at(o, "error", BTMMD_INTERFACE ".Down");
	assert_int_equal(w.links, 0);
	json_decref(o);
	close(a);
	run_all();
}

/* 32 wait, and no more. */
static void too_many_wait(void **state)
{
	int fds[33];
	json_t *o;
	size_t i;

	(void)state;
	w.choice.waiting = true;
	for (i = 0; i < N_OF(fds); i++) {
		fds[i] = dial();
		say(fds[i], "Netcheck", NULL, false);
		run_all();
	}
	o = hear(fds[32]);
	assert_at(o, "error", BTMMD_INTERFACE ".TooMany");
	json_decref(o);
	w.link_ops->open(w.link_arg, NULL);
	w.choice.waiting = false;
	pass_time(1);
	for (i = 0; i < N_OF(fds) - 1; i++)
		json_decref(hear(fds[i]));
	for (i = 0; i < N_OF(fds); i++)
		close(fds[i]);
	run_all();
}

/* --- monitor --------------------------------------------------------------------------- */

/* Events until "listening", counted. */
static size_t listen_to(int fd)
{
	size_t n = 0;
	bool last;
	json_t *o;

	say(fd, "Monitor", NULL, true);
	do {
		o = hear(fd);
		last = !strcmp(at(o, "parameters.event"), "listening");
		n++;
		json_decref(o);
	} while (!last);
	return n;
}

/* The next event is that, of that, and no other has come. */
static void expect_event(int fd, const char *event, const char *path, const char *want)
{
	char full[128];
	json_t *o = hear(fd);

	assert_at(o, "parameters.event", event);
	snprintf(full, sizeof(full), "parameters.%s", path);
	assert_at(o, full, want);
	json_decref(o);
	run_all();
	assert_false(has_come(fd));
}

static void monitor_tells_changes(void **state)
{
	int a = dial(), b;

	(void)state;
	add_peer("air.alice.example.com", "fd00::a", PEERS_OK);
	/* daemon, host, mapping, publication, subscription, ike, a peer, listening */
	assert_int_equal(listen_to(a), 8);
	btmmd_control_changed(w.c);
	w.publication.acknowledged = 1;
	w.now += 5000;

	w.choice.port = 4502;
	btmmd_control_changed(w.c);
	expect_event(a, "mapping", "endpoint", "192.0.2.1:4502");
	add_peer("book.alice.example.com", "fd00::b", PEERS_OK);
	btmmd_control_changed(w.c);
	expect_event(a, "peer", "name", "book.alice.example.com");
	/* One who comes later knows the same from then on. */
	w.vici = true;
	b = dial();
	assert_int_equal(listen_to(b), 9);
	expect_event(a, "ike", "connected", "true");
	w.n_peers = 1;
	btmmd_control_changed(w.c);
	expect_event(a, "peer", "present", "false");
	expect_event(b, "peer", "name", "book.alice.example.com");
	close(b);
	run_all();

	/* Octets are no event. */
	w.tunnel[0] = (struct tunnel_peer){ .ula = ula_of("fd00::a"), .heard = true };
	w.n_tunnel = 1;
	btmmd_control_changed(w.c);
	w.tunnel[0].rx_bytes = 100;
	w.tunnel[0].heard_ago = 100;
	w.subscription.quality = SUBSCRIBE_NONE;
	btmmd_control_changed(w.c);
	expect_event(a, "subscription", "quality", "none");
	w.d.stopping = true;
	btmmd_control_changed(w.c);
	expect_event(a, "daemon", "state", "stopping");
	close(a);
	run_all();
}

static void monitor_stays_when_down(void **state)
{
	int a = dial();
	json_t *o;

	(void)state;
	add_peer("air.alice.example.com", "fd00::a", PEERS_OK);
	listen_to(a);
	btmmd_control_daemon(w.c, NULL);
	o = hear(a);
	assert_at(o, "parameters.event", "peer");
	assert_at(o, "parameters.present", "false");
	json_decref(o);
	expect_event(a, "daemon", "state", "down");
	btmmd_control_daemon(w.c, &w.d);
	o = hear(a);
	assert_at(o, "parameters.event", "daemon");
	assert_at(o, "parameters.state", "up");
	json_decref(o);
	close(a);
	run_all();
	/* Nobody is there: nothing is looked at, and nothing happens. */
	btmmd_control_changed(w.c);
	run_all();
	o = call("Monitor", NULL);
	assert_at(o, "error", BTMMD_INTERFACE ".WantsMore");
	json_decref(o);
}

/* --- browse ------------------------------------------------------------------------------- */

static void have_service(size_t i, const char *name, const char *host)
{
	struct browse_service *s = &w.services[i];

	memset(s, 0, sizeof(*s));
	assert_null(dname_from_text(name, s->name));
	assert_null(dname_from_text(host, s->host));
	s->has_srv = true;
	s->port = 22;
	memcpy(s->txt, "\3a=b\0\2\xff\xfe", 8);
	s->txt_len = 8;
	w.n_services = i + 1;
}

static void browse_lists(void **state)
{
	int a = dial();
	json_t *o;

	(void)state;
	say(a, "Browse", "{\"type\":\"_ssh._tcp\"}", false);
	run_all();
	assert_int_equal(w.browses, 1);
	have_service(0, "Alice\\'s\\032Mac\\.x._ssh._tcp.alice.example.com",
		     "air.alice.example.com");
	w.browse_ops->service(w.browse_arg, &w.services[0]);
	run_all();
	assert_false(has_come(a));
	w.browse_ops->complete(w.browse_arg);
	assert_int_equal(w.browses, 0);
	o = hear(a);
	assert_at(o, "parameters.services.0.instance", "Alice's Mac.x");
	assert_at(o, "parameters.services.0.type", "_ssh._tcp");
	assert_at(o, "parameters.services.0.host", "air.alice.example.com");
	assert_at(o, "parameters.services.0.port", "22");
	assert_at(o, "parameters.services.0.text.0", "a=b");
	assert_at(o, "parameters.services.0.text.1", "??");
	assert_at(o, "parameters.services.1", "-");
	json_decref(o);
	close(a);
	run_all();
}

static void browse_goes_on(void **state)
{
	int a = dial();
	json_t *o;

	(void)state;
	say(a, "Browse", NULL, true);
	run_all();
	w.browse_ops->complete(w.browse_arg);
	o = hear(a);
	assert_at(o, "continues", "true");
	assert_at(o, "parameters.services.0", "-");
	json_decref(o);
	have_service(0, "x._ssh._tcp.alice.example.com", "air.alice.example.com");
	w.browse_ops->service(w.browse_arg, &w.services[0]);
	o = hear(a);
	assert_at(o, "parameters.event", "there");
	assert_at(o, "parameters.service.instance", "x");
	json_decref(o);
	w.browse_ops->went(w.browse_arg, &w.services[0]);
	o = hear(a);
	assert_at(o, "parameters.event", "gone");
	json_decref(o);
	w.browse_ops->trouble(w.browse_arg, "it is away");
	o = hear(a);
	assert_at(o, "parameters.event", "trouble");
	assert_at(o, "parameters.why", "it is away");
	json_decref(o);
	close(a);
	run_all();
	assert_int_equal(w.browses, 0);
}

static void browse_fails(void **state)
{
	int fds[9], a = dial();
	json_t *o;
	size_t i;

	(void)state;
	o = call("Browse", "{\"type\":\"ssh\"}");
	assert_at(o, "error", "org.varlink.service.InvalidParameter");
	json_decref(o);
	say(a, "Browse", NULL, false);
	run_all();
	w.browse_ops->trouble(w.browse_arg, "it is away");
	o = hear(a);
	assert_at(o, "error", BTMMD_INTERFACE ".NotReached");
	assert_at(o, "parameters.text", "the server cannot be asked: it is away");
	json_decref(o);
	close(a);
	for (i = 0; i < N_OF(fds); i++) {
		fds[i] = dial();
		say(fds[i], "Browse", NULL, true);
		run_all();
	}
	assert_int_equal(w.browses, 8);
	o = hear(fds[8]);
	assert_at(o, "error", BTMMD_INTERFACE ".TooMany");
	json_decref(o);
	btmmd_control_daemon(w.c, NULL);
	assert_int_equal(w.browses, 0);
	for (i = 0; i < 8; i++) {
		o = hear(fds[i]);
		assert_at(o, "error", BTMMD_INTERFACE ".Down");
		json_decref(o);
	}
	for (i = 0; i < N_OF(fds); i++)
		close(fds[i]);
	btmmd_control_daemon(w.c, &w.d);
	w.subscription.to.port = 0;
	o = call("Browse", NULL);
	assert_at(o, "error", BTMMD_INTERFACE ".NotReached");
	json_decref(o);
	run_all();
}

/* The daemon ends in the middle of everything. */
static void ends_with_calls(void **state)
{
	int fds[4];
	size_t i;

	(void)state;
	w.choice.waiting = true;
	for (i = 0; i < N_OF(fds); i++)
		fds[i] = dial();
	listen_to(fds[0]);
	say(fds[1], "Browse", NULL, true);
	say(fds[2], "Netcheck", NULL, true);
	say(fds[3], "Down", NULL, false);
	run_all();
	assert_int_equal(w.browses, 1);
	assert_int_equal(w.links, 1);
	assert_int_equal(w.downs, 1);
	/* world_end() follows, and looks whether anything is left */
	for (i = 0; i < N_OF(fds); i += 2)
		close(fds[i]);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(netcheck_measures), T(netcheck_is_bounded), T(netcheck_sees_blocked_udp),
		T(netcheck_ends), T(too_many_wait), T(monitor_tells_changes),
		T(monitor_stays_when_down), T(browse_lists), T(browse_goes_on), T(browse_fails),
		T(ends_with_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
