// SPDX-License-Identifier: GPL-2.0-or-later
/* btmmd's control socket: what is asked and answered at once. */
#define _GNU_SOURCE
#include "test.h"

#include <grp.h>
#include <sys/wait.h>

#include "control_world.h"

static void status(void **state)
{
	json_t *o = call("Status", NULL);

	(void)state;
	assert_at(o, "parameters.state", "up");
	assert_at(o, "parameters.host", "mini.alice.example.com");
	assert_at(o, "parameters.domain", "alice.example.com");
	assert_at(o, "parameters.ula", "fd00::1");
	assert_at(o, "parameters.mapping.endpoint", "192.0.2.1:4501");
	assert_at(o, "parameters.mapping.how", "mapped");
	assert_at(o, "parameters.mapping.via", "nat-pmp");
	assert_at(o, "parameters.mapping.verdict", "nat");
	assert_at(o, "parameters.publication.current", "true");
	assert_at(o, "parameters.publication.left_s", "5000");
	assert_at(o, "parameters.publication.acknowledged_ms", "1000");
	assert_at(o, "parameters.publication.why", "null");
	assert_at(o, "parameters.subscription.quality", "live");
	assert_at(o, "parameters.subscription.since_ms", "60000");
	assert_at(o, "parameters.subscription.refused", "null");
	assert_at(o, "parameters.ike.connected", "false");
	assert_at(o, "parameters.resolver", "null");
	json_decref(o);

	/* Nothing is known, or the owner says; reasons need not be UTF-8. */
	w.choice = (struct mapping_choice){ .verdict = MAPPING_UNREACHABLE, .waiting = true };
	w.publication = (struct publisher_status){ .why = "caf\xe9" };
	w.subscription = (struct subscribe_status){
		.why = "no server",
		.tally = { .questions = 9, .unsubscribed = 4, .refused = "the server is full" },
	};
	w.d.id.ula = (struct in6_addr){ 0 };
	o = call("Status", NULL);
	assert_at(o, "parameters.ula", "null");
	assert_at(o, "parameters.mapping.endpoint", "null");
	assert_at(o, "parameters.mapping.via", "null");
	assert_at(o, "parameters.mapping.waiting", "true");
	assert_at(o, "parameters.publication.left_s", "null");
	assert_at(o, "parameters.publication.server", "null");
	assert_at(o, "parameters.publication.why", "caf?");
	assert_at(o, "parameters.subscription.protocol", "null");
	assert_at(o, "parameters.subscription.why", "no server");
	assert_at(o, "parameters.subscription.questions", "9");
	assert_at(o, "parameters.subscription.unsubscribed", "4");
	assert_at(o, "parameters.subscription.refused", "the server is full");
	json_decref(o);
	w.conf.public_endpoint = (struct conf_place){
		.addr = { .len = 4, .b = { 192, 0, 2, 9 } }, .port = 4500,
	};
	o = call("Status", NULL);
	assert_at(o, "parameters.mapping.how", "set");
	assert_at(o, "parameters.mapping.endpoint", "192.0.2.9:4500");
	json_decref(o);
	w.d.stopping = true;
	o = call("Status", NULL);
	assert_at(o, "parameters.state", "stopping");
	json_decref(o);
}

/* Put together by ULA from three sources, of which each may lack it. */
static void peers(void **state)
{
	json_t *o;

	(void)state;
	add_peer("air.alice.example.com", "fd00::a", PEERS_OK);
	add_peer("mini.alice.example.com", NULL, PEERS_SELF);
	add_peer("book.alice.example.com", "fd00::b", PEERS_OK);
	add_peer("old.alice.example.com", NULL, PEERS_NO_SRV);
	w.tunnel[0] = (struct tunnel_peer){
		.ula = ula_of("fd00::c"),
	};
	w.tunnel[1] = (struct tunnel_peer){
		.ula = ula_of("fd00::a"), .learnt = true, .heard = true, .heard_ago = 250,
		.endpoint = { .addr = { .len = 4, .b = { 192, 0, 2, 8 } }, .port = 99 },
		.rx_bytes = 10, .tx_bytes = 20, .moves = 3,
	};
	w.n_tunnel = 2;
	w.ike[0] = (struct ike_status){
		.name = "air.alice.example.com", .ula = ula_of("fd00::a"), .state = IKE_UP,
		.children = 1, .age = 7, .suite = "AES_GCM_16 128", .error = "",
	};
	w.ike[1] = (struct ike_status){
		.name = "book.alice.example.com", .ula = ula_of("fd00::b"),
		.state = IKE_REFUSED, .error = "no such key",
	};
	w.n_ike = 2;
	o = call("Peers", NULL);
	assert_int_equal(json_array_size(json_object_get(json_object_get(o, "parameters"),
							 "peers")), 4);
	assert_at(o, "parameters.peers.0.name", "air.alice.example.com");
	assert_at(o, "parameters.peers.0.endpoint", "192.0.2.8:99");
	assert_at(o, "parameters.peers.0.published", "192.0.2.7:4500");
	assert_at(o, "parameters.peers.0.path", "learnt");
	assert_at(o, "parameters.peers.0.heard_ms", "250");
	assert_at(o, "parameters.peers.0.moves", "3");
	assert_at(o, "parameters.peers.0.ike", "up");
	assert_at(o, "parameters.peers.0.sa_age_ms", "7000");
	assert_at(o, "parameters.peers.1.name", "book.alice.example.com");
	assert_at(o, "parameters.peers.1.endpoint", "null");
	assert_at(o, "parameters.peers.1.path", "none");
	assert_at(o, "parameters.peers.1.heard_ms", "null");
	assert_at(o, "parameters.peers.1.ike", "refused");
	assert_at(o, "parameters.peers.1.ike_error", "no such key");
	assert_at(o, "parameters.peers.1.sa_age_ms", "null");
	assert_at(o, "parameters.peers.2.name", "old.alice.example.com");
	assert_at(o, "parameters.peers.2.present", "false");
	assert_at(o, "parameters.peers.2.why", "has no port");
	assert_at(o, "parameters.peers.3.name", "null");
	assert_at(o, "parameters.peers.3.ula", "fd00::c");
	assert_int_equal(w.refreshed, 1);
	json_decref(o);
}

static void expect(const char *method, const char *name, const char *path, const char *want)
{
	char params[512];
	json_t *o;

	snprintf(params, sizeof(params), "{\"name\":\"%s\"}", name);
	o = call(method, params);
	if (strcmp(at(o, path), want))
		fail_msg("%s(%s): %s is %s, not %s", method, name, path, at(o, path), want);
	json_decref(o);
}

static void resolve(void **state)
{
	char longest[400] = "";

	(void)state;
	add_peer("air.alice.example.com", "fd00::a", PEERS_OK);
	add_peer("old.alice.example.com", NULL, PEERS_NO_SRV);
	w.peers[0].known = ANSWERS_STALE;
	expect("Resolve", "air", "parameters.ula", "fd00::a");
	expect("Resolve", "AIR", "parameters.name", "air.alice.example.com");
	expect("Resolve", "air.alice.example.com", "parameters.known", "stale");
	expect("Resolve", "Air.Alice.example.com.", "parameters.ula", "fd00::a");
	expect("Resolve", "fd00::a", "parameters.name", "air.alice.example.com");
	expect("Resolve", "mini", "parameters.self", "true");
	expect("Resolve", "mini", "parameters.ula", "fd00::1");
	expect("Resolve", "ai", "error", BTMMD_INTERFACE ".NoSuchHost");
	expect("Resolve", "airs", "error", BTMMD_INTERFACE ".NoSuchHost");
	expect("Resolve", "air.alice.example", "error", BTMMD_INTERFACE ".NoSuchHost");
	expect("Resolve", "air.bob.example.com", "error", BTMMD_INTERFACE ".NoSuchHost");
	expect("Resolve", "old", "error", BTMMD_INTERFACE ".NotKnownYet");
	expect("Resolve", "old", "parameters.text",
	       "old.alice.example.com is in the account, but has no port");
	expect("Resolve", "", "error", "org.varlink.service.InvalidParameter");
	memset(longest, 'x', 300);
	expect("Resolve", longest, "error", "org.varlink.service.InvalidParameter");
	w.known = ANSWERS_UNKNOWN;
	expect("Resolve", "none", "error", BTMMD_INTERFACE ".NotKnownYet");
}

static void call_peer(void **state)
{
	const struct in6_addr air = ula_of("fd00::a");

	(void)state;
	add_peer("air.alice.example.com", "fd00::a", PEERS_OK);
	w.tunnel[0] = (struct tunnel_peer){
		.ula = air, .endpoint = { .addr = { .len = 4, .b = { 192, 0, 2, 8 } }, .port = 9 },
	};
	w.n_tunnel = 1;
	w.ike[0] = (struct ike_status){ .ula = air, .state = IKE_CALLING, .error = "" };
	w.n_ike = 1;
	expect("Call", "air", "parameters.ike", "calling");
	assert_int_equal(w.calls, 1);
	assert_memory_equal(&w.called, &air, sizeof(air));
	expect("Call", "air", "parameters.endpoint", "192.0.2.8:9");
	expect("Call", "air", "parameters.path", "set");
	assert_int_equal(w.calls, 3);
	expect("Call", "mini", "parameters.path", "self");
	expect("Call", "nobody", "error", BTMMD_INTERFACE ".NoSuchHost");
	assert_int_equal(w.calls, 3);
}

static void while_down(void **state)
{
	static const char *const methods[] = {
		"Peers", "Netcheck", "Services", "Browse",
	};
	json_t *o;
	size_t i;

	(void)state;
	btmmd_control_daemon(w.c, NULL);
	for (i = 0; i < N_OF(methods); i++) {
		o = call(methods[i], NULL);
		assert_at(o, "error", BTMMD_INTERFACE ".Down");
		assert_non_null(strstr(at(o, "parameters.text"), "btmm-ctl up"));
		json_decref(o);
	}
	expect("Resolve", "air", "error", BTMMD_INTERFACE ".Down");
	expect("Call", "air", "error", BTMMD_INTERFACE ".Down");
	o = call("Status", NULL);
	assert_at(o, "parameters.state", "down");
	assert_at(o, "parameters.host", "-");
	json_decref(o);
	o = call("Down", NULL);
	assert_at(o, "error", "-");
	assert_int_equal(w.downs, 0);
	json_decref(o);
	w.up_error = -EINVAL;
	o = call("Up", NULL);
	assert_at(o, "error", BTMMD_INTERFACE ".NotUp");
	assert_at(o, "parameters.text", "it cannot be");
	json_decref(o);
	w.up_error = 0;
	o = call("Up", NULL);
	assert_at(o, "error", "-");
	assert_int_equal(w.ups, 2);
	json_decref(o);
	o = call("Peers", NULL);
	assert_at(o, "error", "-");
	json_decref(o);
}

/* Answered when it is down, for all who asked; one of them goes before. */
static void going_down(void **state)
{
	int a = dial(), b = dial(), c = dial();
	json_t *o;

	(void)state;
	say(a, "Down", NULL, false);
	say(b, "Down", NULL, false);
	say(c, "Down", NULL, false);
	run_all();
	assert_int_equal(w.downs, 3);
	assert_false(has_come(a));
	close(b);
	run_all();
	btmmd_control_daemon(w.c, NULL);
	o = hear(a);
	assert_at(o, "error", "-");
	json_decref(o);
	json_decref(hear(c));
	close(a);
	close(c);
	run_all();
}

static void reloads(void **state)
{
	json_t *o;

	(void)state;
	w.reloaded = (struct btmmd_reloaded){ .published = true, .wants_restart = "port" };
	o = call("Reload", NULL);
	assert_at(o, "parameters.published", "true");
	assert_at(o, "parameters.again", "false");
	assert_at(o, "parameters.wants_restart", "port");
	json_decref(o);
	w.reload_error = -EINVAL;
	o = call("Reload", NULL);
	assert_at(o, "error", BTMMD_INTERFACE ".NotReloaded");
	assert_at(o, "parameters.text", "btmmd.conf:1: it is wrong");
	json_decref(o);
}

static void services(void **state)
{
	json_t *o;

	(void)state;
	w.conf.n_services = 1;
	strcpy(w.conf.services[0].type, "_ssh._tcp");
	w.conf.services[0].port = 22;
	o = call("Services", NULL);
	assert_at(o, "parameters.services.0.instance", "mini");
	assert_at(o, "parameters.services.0.type", "_ssh._tcp");
	assert_at(o, "parameters.services.0.host", "mini.alice.example.com");
	assert_at(o, "parameters.services.0.port", "22");
	assert_at(o, "parameters.services.1", "-");
	assert_at(o, "parameters.current", "true");
	json_decref(o);
}

/* Whoever is neither root nor the daemon may ask, and no more. */
static void other_users(void **state)
{
	static const struct {
		const char *method, *error;
	} cases[] = {
		{ "Status", "-" }, { "Peers", "-" }, { "Services", "-" },
		{ "Up", "org.varlink.service.PermissionDenied" },
		{ "Down", "org.varlink.service.PermissionDenied" },
		{ "Reload", "org.varlink.service.PermissionDenied" },
	};
	int n = 0;
	pid_t child;

	(void)state;
	if (geteuid())
		skip();
	child = fork();
	if (!child) {
		size_t i;

		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(1);
		for (i = 0; i < N_OF(cases); i++) {
			struct sockaddr_un sun = { .sun_family = AF_UNIX };
			int fd = socket(AF_UNIX, SOCK_STREAM, 0);
			char text[4096];
			ssize_t len;

			strcpy(sun.sun_path, w.path);
			if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
				_exit(2);
			say(fd, cases[i].method, NULL, false);
			len = recv(fd, text, sizeof(text) - 1, 0);
			if (len <= 0)
				_exit(3);
			text[len] = '\0';
			if (!strncmp(text, "{\"error\"", 8) != (*cases[i].error != '-') ||
			    (*cases[i].error != '-' && !strstr(text, cases[i].error)))
				_exit(4 + (int)i);
			close(fd);
		}
		_exit(0);
	}
	while (waitpid(child, &n, WNOHANG) != child)
		assert_true(sd_event_run(w.event, 20000) >= 0);
	assert_int_equal(n, 0);
	assert_int_equal(w.ups + w.downs + w.reloads, 0);
}

/* It describes all that it has, and no more. */
static void described(void **state)
{
	static const char *const methods[] = {
		"Status", "Peers", "Resolve", "Call", "Netcheck", "Monitor", "Services", "Browse",
		"Up", "Down", "Reload",
	};
	static const char text[] = "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
				   "\"parameters\":{\"interface\":\"" BTMMD_INTERFACE "\"}}";
	const char *d, *p;
	char word[64];
	size_t i, n = 0;
	int fd = dial();
	json_t *o;

	(void)state;
	assert_int_equal(send(fd, text, sizeof(text), 0), sizeof(text));
	o = hear(fd);
	d = json_string_value(json_object_get(json_object_get(o, "parameters"), "description"));
	assert_non_null(d);
	for (i = 0; i < N_OF(methods); i++) {
		snprintf(word, sizeof(word), "\nmethod %s(", methods[i]);
		if (!strstr(d, word))
			fail_msg("%s is not described", methods[i]);
	}
	for (p = d; (p = strstr(p, "\nmethod ")); p++)
		n++;
	assert_int_equal(n, N_OF(methods));
	json_decref(o);
	close(fd);
	run_all();
}

#define T(f)	cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(status), T(peers), T(resolve), T(call_peer), T(while_down), T(going_down),
		T(reloads), T(services), T(other_users), T(described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
