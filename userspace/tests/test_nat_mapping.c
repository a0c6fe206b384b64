// SPDX-License-Identifier: GPL-2.0-or-later
#include "test.h"

#include "../lib/dns/message.h"
#include "../lib/nat/mapping.h"

static const struct ipv4 router = { { 192, 168, 1, 1 } };
static const struct ipv4 own = { { 192, 168, 1, 10 } };
static const struct ipv4 carrier = { { 100, 64, 3, 4 } };
static const struct ipv4 outer = { { 198, 51, 100, 7 } };
static const struct ipv4 outer2 = { { 203, 0, 113, 9 } };
static const struct ipv4 direct = { { 192, 0, 2, 1 } };

static struct mapping_path paths[MAPPING_PATHS + 1];
static size_t n_paths;
static struct mapping_choice c;
static char text[2048];

static void choose(void)
{
	struct mapping_choice prior = c;

	mapping_choose(paths, n_paths, &prior, &c);
	assert_true(mapping_explain(paths, n_paths, &c, text, sizeof(text)) == strlen(text));
}

/* A laptop at home; @address, @port: what the sources say, STUN not asked */
static void home(enum mapping_via via, struct ipv4 address, uint16_t port)
{
	memset(paths, 0, sizeof(paths));
	memset(&c, 0, sizeof(c));
	n_paths = 1;
	paths[0] = (struct mapping_path){
		.own = own, .port = 4500, .n = 1,
		.sources[0] = {
			.via = via, .state = MAPPING_KNOWN, .address = address, .port = port,
			.since = 1000, .reason = "is fine",
		},
	};
}

static void saw(struct ipv4 address, uint16_t port, uint64_t when)
{
	paths[0].seen = (struct mapping_seen){
		.state = MAPPING_KNOWN, .own = paths[0].own, .address = address, .port = port,
		.when = when,
	};
}

static void is(enum mapping_how how, struct ipv4 address, uint16_t port,
	       enum mapping_verdict verdict)
{
	assert_int_equal(c.how, how);
	assert_true(ipv4_equal(c.address, address));
	assert_int_equal(c.port, port);
	assert_int_equal(c.verdict, verdict);
	assert_non_null(strstr(text, "Published: "));
}

static void is_nothing(enum mapping_verdict verdict)
{
	assert_int_equal(c.how, MAPPING_NONE);
	assert_int_equal(c.verdict, verdict);
	assert_non_null(strstr(text, "Nothing is published.\n"));
}

static void no_nat(void **state)
{
	(void)state;
	memset(paths, 0, sizeof(paths));
	memset(&c, 0, sizeof(c));
	paths[0] = (struct mapping_path){ .own = direct, .port = 4500 };
	n_paths = 1;
	choose();
	is(MAPPING_DIRECT, direct, 4500, MAPPING_PUBLIC);
	assert_false(c.confirmed);
	assert_false(c.waiting);
	assert_non_null(strstr(text, "The own address 192.0.2.1 is public.\n"));
	assert_non_null(strstr(text, "STUN: not asked.\n"));
	assert_non_null(strstr(text, "There is no NAT.\n"));
	saw(direct, 4500, 1);
	choose();
	is(MAPPING_DIRECT, direct, 4500, MAPPING_PUBLIC);
	assert_true(c.confirmed);
	/* A NAT after all */
	saw(direct, 4501, 2);
	choose();
	is(MAPPING_OBSERVED, direct, 4501, MAPPING_CLOSED_NAT);
	saw(outer, 4500, 3);
	choose();
	is(MAPPING_OBSERVED, outer, 4500, MAPPING_CLOSED_NAT);
	/* The servers are away, which says nothing of the NAT. */
	paths[0].seen.past = true;
	choose();
	is(MAPPING_OBSERVED, outer, 4500, MAPPING_CLOSED_NAT);
	assert_false(c.waiting);
	assert_non_null(strstr(text, "seen from outside as 198.51.100.7:4500; now nobody answers.\n"));
	/* A firewall that speaks PCP */
	home(MAPPING_BY_PCP, direct, 4500);
	paths[0].own = direct;
	choose();
	is(MAPPING_DIRECT, direct, 4500, MAPPING_PUBLIC);
	paths[0].sources[0].port = 4600;
	saw(direct, 4600, 1);
	choose();
	is(MAPPING_MAPPED, direct, 4600, MAPPING_PUBLIC);
}

static void mapped(void **state)
{
	(void)state;
	home(MAPPING_BY_NATPMP, outer, 4501);
	paths[0].seen.state = MAPPING_ASKING;
	choose();
	is(MAPPING_MAPPED, outer, 4501, MAPPING_NAT);
	assert_false(c.confirmed);
	assert_true(c.waiting);
	assert_non_null(strstr(text, "NAT-PMP: the gateway has mapped 198.51.100.7:4501.\n"));
	assert_non_null(strstr(text, "Some answers have not come yet.\n"));
	saw(outer, 4501, 1);
	choose();
	is(MAPPING_MAPPED, outer, 4501, MAPPING_NAT);
	assert_true(c.confirmed);
	assert_false(c.waiting);
	/* What goes out may have another port: what is mapped lets everybody in. */
	saw(outer, 61000, 2000);
	choose();
	is(MAPPING_MAPPED, outer, 4501, MAPPING_NAT);
	assert_true(c.confirmed);
	assert_non_null(strstr(text, "an address that STUN confirms.\n"));
	paths[0].seen.state = MAPPING_FAILED;
	choose();
	is(MAPPING_MAPPED, outer, 4501, MAPPING_NAT);
	assert_non_null(strstr(text, "UDP may be blocked"));
}

static void contradicted(void **state)
{
	(void)state;
	home(MAPPING_BY_PCP, outer, 4500);
	saw(outer2, 33000, 1000);
	choose();
	is(MAPPING_OBSERVED, outer2, 33000, MAPPING_DOUBLE_NAT);
	assert_true(c.contradicted);
	assert_false(c.ask_stun);
	assert_non_null(strstr(text, "there is another NAT, or way out.\n"));
	assert_non_null(strstr(text, "what STUN saw"));
	/* The gateway's news are newer: STUN is to be asked again, before they are believed. */
	paths[0].sources[0].since = 1001;
	choose();
	is(MAPPING_OBSERVED, outer2, 33000, MAPPING_CLOSED_NAT);
	assert_true(c.ask_stun);
	assert_false(c.contradicted);
	saw(outer, 4500, 1002);
	choose();
	is(MAPPING_MAPPED, outer, 4500, MAPPING_NAT);
	assert_false(c.ask_stun);
	/* One whose word was seen is believed at once, for as long as STUN takes. */
	paths[0].sources[0].address = outer2;
	paths[0].sources[0].since = 1003;
	choose();
	is(MAPPING_MAPPED, outer2, 4500, MAPPING_NAT);
	assert_true(c.ask_stun);
	assert_non_null(strstr(text, "since STUN saw another address.\n"));
	saw(outer, 4500, 1004);
	choose();
	is(MAPPING_OBSERVED, outer, 4500, MAPPING_DOUBLE_NAT);
	/* Once only. */
	paths[0].sources[0].since = 1005;
	choose();
	is(MAPPING_OBSERVED, outer, 4500, MAPPING_CLOSED_NAT);
	paths[0].sources[0].address = outer;
	choose();
	is(MAPPING_MAPPED, outer, 4500, MAPPING_NAT);
	/* From another own address: of no use */
	saw(outer2, 4500, 2000);
	paths[0].seen.own = direct;
	choose();
	is(MAPPING_MAPPED, outer, 4500, MAPPING_NAT);
	assert_false(c.contradicted);
	assert_non_null(strstr(text, "at another address than the own.\n"));
	/* Nothing that STUN saw can be reached, either. */
	saw(carrier, 4500, 2000);
	choose();
	is_nothing(MAPPING_DOUBLE_NAT);
}

static void double_nat(void **state)
{
	static const struct {
		struct ipv4 a;
		const char *why;
	} cases[] = {
		{ { { 10, 0, 0, 2 } }, "RFC 1918" }, { { { 100, 64, 3, 4 } }, "carrier" },
		{ { { 169, 254, 3, 4 } }, "on a link only" },
		{ { { 127, 0, 0, 1 } }, "no host's" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cases); i++) {
		home(MAPPING_BY_UPNP, cases[i].a, 4500);
		choose();
		is_nothing(MAPPING_DOUBLE_NAT);
		assert_non_null(strstr(text, cases[i].why));
		assert_non_null(strstr(text, "There are two NATs, or a carrier's.\n"));
		saw(outer, 33000, 1);
		choose();
		is(MAPPING_OBSERVED, outer, 33000, MAPPING_DOUBLE_NAT);
	}
	/* PCP found it out. */
	home(MAPPING_BY_PCP, outer, 4500);
	paths[0].sources[0].state = MAPPING_FAILED;
	paths[0].sources[0].between = true;
	choose();
	is_nothing(MAPPING_DOUBLE_NAT);
	/* It has no connection, it says; but who asked STUN came through it. */
	paths[0].sources[0].between = false;
	paths[0].sources[0].no_network = true;
	choose();
	is_nothing(MAPPING_UNREACHABLE);
	saw(outer, 33000, 1);
	choose();
	is(MAPPING_OBSERVED, outer, 33000, MAPPING_DOUBLE_NAT);
	/* A carrier's NAT, no home router */
	home(MAPPING_BY_PCP, outer, 4500);
	paths[0].sources[0].state = MAPPING_FAILED;
	paths[0].own = carrier;
	saw(outer, 33000, 1);
	choose();
	is(MAPPING_OBSERVED, outer, 33000, MAPPING_DOUBLE_NAT);
}

static void observed(void **state)
{
	(void)state;
	home(MAPPING_BY_PCP, outer, 4500);
	paths[0].sources[0].state = MAPPING_FAILED;
	paths[0].sources[0].reason = "does not answer";
	paths[0].seen.state = MAPPING_ASKING;
	choose();
	is_nothing(MAPPING_UNREACHABLE);
	assert_true(c.waiting);
	saw(outer, 33000, 1);
	choose();
	is(MAPPING_OBSERVED, outer, 33000, MAPPING_CLOSED_NAT);
	assert_non_null(strstr(text, "PCP: the gateway does not answer.\n"));
	assert_true(c.confirmed);
	/* Better knowledge replaces it. */
	paths[0].sources[0].state = MAPPING_KNOWN;
	choose();
	is(MAPPING_MAPPED, outer, 4500, MAPPING_NAT);
}

static void doubtful(void **state)
{
	(void)state;
	home(MAPPING_BY_PCP, outer, 4500);
	paths[0].sources[0].doubtful = true;
	choose();
	is(MAPPING_MAPPED, outer, 4500, MAPPING_NAT);
	assert_non_null(strstr(text, "may not be so any more"));
	/* What is seen is surer, unless it is the same. */
	saw(outer, 33000, 1);
	choose();
	is(MAPPING_OBSERVED, outer, 33000, MAPPING_CLOSED_NAT);
	saw(outer, 4500, 1);
	choose();
	is(MAPPING_MAPPED, outer, 4500, MAPPING_NAT);
	/* Nor is it better than another one that is not. */
	paths[0].seen.state = MAPPING_FAILED;
	paths[0].n = 2;
	paths[0].sources[1] = paths[0].sources[0];
	paths[0].sources[1].via = MAPPING_BY_UPNP;
	paths[0].sources[1].doubtful = false;
	paths[0].sources[1].port = 4600;
	choose();
	is(MAPPING_MAPPED, outer, 4600, MAPPING_NAT);
	/* Older than what STUN saw, and doubtful: still asked about */
	saw(outer2, 4500, 1);
	paths[0].sources[1].state = MAPPING_FAILED;
	choose();
	is(MAPPING_OBSERVED, outer2, 4500, MAPPING_CLOSED_NAT);
	assert_true(c.ask_stun);
}

static void steady(void **state)
{
	(void)state;
	/* UPnP is there first; PCP brings nothing better; what is published stays. */
	home(MAPPING_BY_PCP, outer, 4500);
	paths[0].n = 2;
	paths[0].sources[1] = paths[0].sources[0];
	paths[0].sources[1].via = MAPPING_BY_UPNP;
	paths[0].sources[1].port = 4600;
	paths[0].sources[0].state = MAPPING_ASKING;
	choose();
	is(MAPPING_MAPPED, outer, 4600, MAPPING_NAT);
	assert_int_equal(c.via, MAPPING_BY_UPNP);
	paths[0].sources[0].state = MAPPING_KNOWN;
	choose();
	is(MAPPING_MAPPED, outer, 4600, MAPPING_NAT);
	/* STUN says which one is used for what goes out. */
	saw(outer, 4500, 1);
	choose();
	is(MAPPING_MAPPED, outer, 4500, MAPPING_NAT);
	assert_int_equal(c.via, MAPPING_BY_PCP);
	/* Without a choice before it, the first counts. */
	paths[0].seen.state = MAPPING_FAILED;
	mapping_choose(paths, 1, NULL, &c);
	assert_int_equal(c.port, 4500);
}

static void several_paths(void **state)
{
	(void)state;
	home(MAPPING_BY_PCP, outer, 4500);
	paths[1] = paths[0];
	paths[1].sources[0].address = outer2;
	n_paths = 2;
	choose();
	is(MAPPING_MAPPED, outer, 4500, MAPPING_NAT);
	assert_int_equal(c.path, 0);
	/* The other one is better. */
	paths[0].sources[0].state = MAPPING_FAILED;
	choose();
	is(MAPPING_MAPPED, outer2, 4500, MAPPING_NAT);
	assert_int_equal(c.path, 1);
	/* And stays, until the first is better again. */
	paths[0].sources[0].state = MAPPING_KNOWN;
	choose();
	is(MAPPING_MAPPED, outer2, 4500, MAPPING_NAT);
	saw(outer, 33000, 1);
	choose();
	is(MAPPING_MAPPED, outer, 4500, MAPPING_NAT);
	/* More than are looked at */
	paths[0].sources[0].state = MAPPING_FAILED;
	paths[0].seen.state = MAPPING_FAILED;
	paths[1].sources[0].state = MAPPING_FAILED;
	paths[4].own = direct;
	paths[4].port = 4500;
	n_paths = 5;
	choose();
	is_nothing(MAPPING_UNREACHABLE);
	n_paths = 0;
	choose();
	is_nothing(MAPPING_UNREACHABLE);
}

/* --- who has the port: PCP or NAT-PMP, else UPnP ----------------------------------- */

static struct {
	struct gateway *g;
	struct upnp *u;
	uint64_t now;
	bool mute, closed;	/* towards NAT-PMP */
	uint16_t refuses;	/* ... its result */
	uint16_t upnp_has;	/* the port that UPnP has mapped */
	unsigned int added;
} both;

static void answer_natpmp(const uint8_t *msg, size_t len)
{
	uint8_t out[16] = { 0, msg[1] | 0x80 };

	if (both.closed)
		gateway_unreachable(both.g, both.now);
	if (both.closed || both.mute)
		return;
	dns_put32(out + 4, (uint32_t)(both.now / 1000));
	if (msg[0]) {
		out[1] = 0;
		out[3] = 1;
		gateway_input(both.g, both.now, router, out, 8);
	} else if (!msg[1]) {
		memcpy(out + 8, outer.b, 4);
		gateway_input(both.g, both.now, router, out, 12);
	} else {
		assert_int_equal(len, 12);
		dns_put16(out + 2, both.refuses);
		memcpy(out + 8, msg + 4, 2);
		dns_put16(out + 10, 4500);
		dns_put32(out + 12, 3600);
		gateway_input(both.g, both.now, router, out, 16);
	}
}

static void answer_upnp(const struct upnp_request *q)
{
	struct upnp_response a = { .op = q->op, .id = q->id, .version = 1 };

	a.address = q->op == UPNP_DISCOVER ? router : q->op == UPNP_ADDRESS ? outer : own;
	a.internal = 4500;
	a.external = 4500;
	a.enabled = true;
	a.lease = 3600;
	if (q->op == UPNP_ADD) {
		both.upnp_has = q->external;
		both.added++;
	}
	if (q->op == UPNP_DELETE)
		both.upnp_has = 0;
	upnp_input(both.u, both.now, &a);
}

static void both_run(uint64_t ms)
{
	uint64_t end = both.now + ms, next;
	uint8_t out[GATEWAY_OUT];
	struct upnp_request q;
	size_t len;

	for (;;) {
		while ((len = gateway_output(both.g, both.now, out)))
			answer_natpmp(out, len);
		mapping_settle(both.g, both.u, 4500, both.now);
		while (upnp_output(both.u, both.now, &q))
			answer_upnp(&q);
		next = gateway_deadline(both.g);
		if (upnp_deadline(both.u) < next)
			next = upnp_deadline(both.u);
		if (next > end)
			break;
		both.now = next;
	}
	both.now = end;
}

static void both_begin(void)
{
	struct gateway_config gc = { .gateway = router, .own = own, .refresh = 120 };
	struct upnp_config uc = { .gateway = router, .own = own, .grace = UPNP_GRACE };

	memset(&both, 0, sizeof(both));
	both.now = 1000000;
	both.g = gateway_new(&gc);
	both.u = upnp_new(&uc);
	assert_true(both.g && both.u);
	assert_int_equal(gateway_map(both.g, 4500, 0, both.now), 0);
	assert_int_equal(upnp_map(both.u, 4500, 0, both.now), 0);
}

static void both_end(void)
{
	gateway_free(both.g);
	upnp_free(both.u);
}

static void has(enum mapping_state gateway, enum mapping_state upnp)
{
	struct mapping_source s;

	mapping_from_gateway(both.g, 4500, &s);
	assert_int_equal(s.state, gateway);
	mapping_from_upnp(both.u, 4500, &s);
	assert_int_equal(s.state, upnp);
}

static void settled(void **state)
{
	(void)state;
	both_begin();
	mapping_settle(both.g, both.u, 9, both.now);
	both_run(10 * 60000);
	has(MAPPING_KNOWN, MAPPING_NOT_ASKED);
	assert_int_equal(both.added, 0);
	/* It dies, and is not waited for until its last mapping ends. */
	both.closed = true;
	both_run(121000);
	has(MAPPING_KNOWN, MAPPING_KNOWN);
	assert_int_equal(both.upnp_has, 4500);
	/* It comes back, and has it again, in UPnP's place. */
	both.closed = false;
	both_run(300000);
	has(MAPPING_KNOWN, MAPPING_NOT_ASKED);
	/* It is silent. */
	both.mute = true;
	both_run(300000);
	has(MAPPING_KNOWN, MAPPING_KNOWN);
	/* Nobody has taken anything from anybody. */
	both.mute = false;
	both_run(3600000);
	has(MAPPING_KNOWN, MAPPING_NOT_ASKED);
	assert_int_equal(both.upnp_has, 4500);
	both_end();

	/* Refused from the start on, or not there: UPnP does not wait any more. */
	both_begin();
	both.refuses = 2;
	both_run(0);
	has(MAPPING_FAILED, MAPPING_KNOWN);
	both_end();
	both_begin();
	both.closed = true;
	both_run(0);
	has(MAPPING_FAILED, MAPPING_KNOWN);
	both_end();
	/* Slow: it is given its time. */
	both_begin();
	both.mute = true;
	both_run(499);
	has(MAPPING_ASKING, MAPPING_ASKING);
	both_run(1);
	has(MAPPING_ASKING, MAPPING_KNOWN);
	both_end();
}

static void differences(void **state)
{
	struct mapping_choice a = { .how = MAPPING_NONE }, b = { .how = MAPPING_NONE };

	(void)state;
	assert_false(mapping_differs(&a, &b));
	b = (struct mapping_choice){ .how = MAPPING_MAPPED, .address = outer, .port = 4500 };
	assert_true(mapping_differs(&a, &b));
	assert_true(mapping_differs(&b, &a));
	a = b;
	a.how = MAPPING_OBSERVED; /* known otherwise, but the same */
	assert_false(mapping_differs(&a, &b));
	a.port++;
	assert_true(mapping_differs(&a, &b));
	a.port--;
	a.address = outer2;
	assert_true(mapping_differs(&a, &b));
}

static void small_buffers(void **state)
{
	char small[400];
	size_t size, len;

	(void)state;
	home(MAPPING_BY_PCP, outer, 4500);
	choose();
	for (size = 1; size < sizeof(small); size++) {
		char *out = malloc(size);

		assert_non_null(out);
		len = mapping_explain(paths, n_paths, &c, out, size);
		assert_int_equal(len, strlen(out));
		assert_true(!len || out[len - 1] == '\n');
		free(out);
	}
}

static void from_gateway(void **state)
{
	static const struct gateway_config config = {
		.gateway = { { 192, 168, 1, 1 } }, .own = { { 192, 168, 1, 10 } },
		.nonce = "nonce nonce", .seed = "seed",
	};
	struct gateway *g = gateway_new(&config);
	uint8_t out[GATEWAY_OUT], reply[PCP_MAP_LEN];
	struct mapping_source s;

	(void)state;
	assert_non_null(g);
	mapping_from_gateway(g, 4500, &s);
	assert_int_equal(s.state, MAPPING_NOT_ASKED);
	assert_string_equal(s.reason, "was not asked");
	assert_int_equal(gateway_map(g, 4500, 0, 5), 0);
	mapping_from_gateway(g, 4500, &s);
	assert_int_equal(s.state, MAPPING_ASKING);

	assert_int_equal(gateway_output(g, 5, out), PCP_MAP_LEN);
	memcpy(reply, out, sizeof(reply));
	reply[1] |= 0x80;
	reply[3] = PCP_ADDRESS_MISMATCH;
	assert_true(gateway_input(g, 7, router, reply, sizeof(reply)));
	mapping_from_gateway(g, 4500, &s);
	assert_int_equal(s.state, MAPPING_FAILED);
	assert_true(s.between);
	assert_non_null(strstr(s.reason, "NAT in between"));

	gateway_retry(g, 8);
	assert_int_equal(gateway_output(g, 8, out), PCP_MAP_LEN);
	reply[3] = 0;
	memcpy(reply + 56, outer.b, 4);
	assert_true(gateway_input(g, 9, router, reply, sizeof(reply)));
	mapping_from_gateway(g, 4500, &s);
	assert_int_equal(s.state, MAPPING_KNOWN);
	assert_int_equal(s.via, MAPPING_BY_PCP);
	assert_true(ipv4_equal(s.address, outer));
	assert_int_equal(s.port, 4500);
	assert_true(s.since == 9);
	assert_false(s.between);
	gateway_free(g);
	gateway_free(NULL);
}

static void from_upnp(void **state)
{
	struct upnp_config config = { .gateway = router, .own = own, .seed = "seed" };
	struct upnp_response r = { .version = 1, .enabled = true, .internal = 4500 };
	struct upnp *u = upnp_new(&config);
	struct mapping_source s;
	struct upnp_request q;

	(void)state;
	assert_non_null(u);
	mapping_from_upnp(u, 4500, &s);
	assert_int_equal(s.state, MAPPING_NOT_ASKED);
	assert_int_equal(upnp_map(u, 4500, 0, 5), 0);
	mapping_from_upnp(u, 4500, &s);
	assert_int_equal(s.state, MAPPING_ASKING);
	while (upnp_output(u, 9, &q)) {
		r.op = q.op;
		r.id = q.id;
		r.address = q.op == UPNP_DISCOVER ? router : q.op == UPNP_ADDRESS ? outer : own;
		assert_true(upnp_input(u, 9, &r));
	}
	mapping_from_upnp(u, 4500, &s);
	assert_int_equal(s.state, MAPPING_KNOWN);
	assert_int_equal(s.via, MAPPING_BY_UPNP);
	assert_true(ipv4_equal(s.address, outer));
	assert_int_equal(s.port, 4500);
	assert_true(s.since == 9);
	upnp_yield(u, 4500, 4500, 10);
	mapping_from_upnp(u, 4500, &s);
	assert_int_equal(s.state, MAPPING_NOT_ASKED);
	assert_non_null(strstr(s.reason, "by another protocol"));
	upnp_yield(u, 4500, 0, 10);
	upnp_lost(u, 10);
	mapping_from_upnp(u, 4500, &s);
	assert_int_equal(s.state, MAPPING_FAILED);
	upnp_free(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_nat), cmocka_unit_test(mapped),
		cmocka_unit_test(contradicted), cmocka_unit_test(double_nat),
		cmocka_unit_test(observed), cmocka_unit_test(doubtful),
		cmocka_unit_test(steady), cmocka_unit_test(several_paths),
		cmocka_unit_test(settled), cmocka_unit_test(differences),
		cmocka_unit_test(small_buffers),
		cmocka_unit_test(from_gateway), cmocka_unit_test(from_upnp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
