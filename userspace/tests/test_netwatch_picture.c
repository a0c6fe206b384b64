// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What counts as underlay, which source is used, and what a change means.
 */
#include "test.h"

#include "netwatch_world.h"

/* An empty system is known; from then on, only events. */
static int start(void **state)
{
	uint32_t seq;

	if (new_watch(state))
		return -1;
	while (asked(&seq))
		done(seq, 0, 0);
	assert_int_equal(tell(), 0);
	return 0;
}

/* All the dumps that events have made necessary find nothing else. */
static void settle(void)
{
	uint32_t seq;

	assert_int_equal(asked(&seq), 0);
	now += NETWATCH_LATEST;
	tell();
}

static void ether(int index, const char *name)
{
	link_message((struct kernel_link){
		.index = index, .name = name, .flags = UP, .bus = "pci", .carriers = 1,
		.mac = 0x00005e005300u + (unsigned int)index });
}

static void address(uint32_t index, const char *text, uint8_t prefix)
{
	addr_message((struct kernel_addr){ .index = index, .ip = text, .prefix = prefix });
}

static void gateway(uint32_t index, const char *text, uint32_t metric)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	route_message((struct kernel_route){
		.family = family, .index = index, .gateway = text, .metric = metric });
}

static void assert_ip(const struct addr *a, const char *text)
{
	char got[ADDR_TEXT_SIZE];

	assert_string_equal(text_from_addr(a, got), text);
}

static void links(void **state)
{
	static const struct { const char *name, *kind; bool with_route, alone; } kinds[] = {
		{ "eth0", NULL, true, true },
		{ "bond0", "bond", true, true },
		{ "vlan5", "vlan", true, true },
		{ "veth0", "veth", true, true },
		{ "ppp0", "ppp", true, true },
		{ "wwan0", "wwan", true, true },
		{ "br0", "bridge", true, false },
		{ "btmm0", "autotunnel", false, false },
		{ "tun0", "tun", false, false },
		{ "wg0", "wireguard", false, false },
		{ "sit1", "sit", false, false },
		{ "xfrm0", "xfrm", false, false },
		{ "dummy0", "dummy", false, false },
	};
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < N_OF(kinds); i++) {
		link_message((struct kernel_link){
			.index = 10 + (int)i, .name = kinds[i].name, .kind = kinds[i].kind,
			.flags = UP });
		n += kinds[i].alone;
	}
	settle();
	assert_int_equal(netwatch_picture(nw)->n_links, n);
	for (i = n = 0; i < N_OF(kinds); i++) {
		gateway(10 + (uint32_t)i, "192.0.2.1", (uint32_t)i);
		n += kinds[i].with_route;
	}
	settle();
	assert_int_equal(netwatch_picture(nw)->n_links, n);
	assert_int_equal(netwatch_picture(nw)->n_gateways, n);
	for (i = n = 0; i < N_OF(kinds); i++) {
		if (kinds[i].with_route)
			assert_string_equal(netwatch_picture(nw)->links[n++].name, kinds[i].name);
	}
}

static void states_of_a_link(void **state)
{
	static const struct { uint32_t flags, master; uint8_t family; bool counts; } rows[] = {
		{ UP, 0, 0, true },
		{ IFF_UP, 0, 0, false },			/* no carrier */
		{ IFF_RUNNING, 0, 0, false },
		{ UP | IFF_LOOPBACK, 0, 0, false },
		{ UP, 7, 0, false },				/* in a bridge or bond */
		{ UP, 0, AF_BRIDGE, true },			/* not about the link itself */
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		ether(2, "eth0");
		link_message((struct kernel_link){
			.index = 2, .name = "eth0", .flags = rows[i].flags, .bus = "pci",
			.carriers = 1, .master = rows[i].master, .family = rows[i].family });
		settle();
		assert_int_equal(netwatch_picture(nw)->n_links, rows[i].counts);
	}

	/* Neither what a bridge says of its port nor a driver's event changes a link. */
	link_message((struct kernel_link){
		.type = RTM_DELLINK, .index = 2, .name = "eth0", .family = AF_BRIDGE });
	link_message((struct kernel_link){ .index = 2, .name = "eth0", .wireless = true });
	settle();
	assert_int_equal(netwatch_picture(nw)->n_links, 1);
	assert_string_equal(told.text, "");
	link_message((struct kernel_link){ .type = RTM_DELLINK, .index = 2, .name = "eth0" });
	settle();
	assert_string_equal(told.text, "L- eth0");
}

static void addresses(void **state)
{
	static const struct {
		const char *ip;
		uint8_t scope;
		uint32_t flags;
		bool counts;
	} rows[] = {
		{ "192.0.2.7", RT_SCOPE_UNIVERSE, IFA_F_PERMANENT, true },
		{ "10.0.0.7", RT_SCOPE_SITE, 0, true },
		{ "169.254.3.4", RT_SCOPE_LINK, 0, false },
		{ "169.254.3.5", RT_SCOPE_UNIVERSE, 0, false },
		{ "fe80::7", RT_SCOPE_LINK, 0, false },
		{ "2001:db8::7", RT_SCOPE_UNIVERSE, 0, true },
		{ "2001:db8::8", RT_SCOPE_UNIVERSE, IFA_F_TENTATIVE, false },
		{ "2001:db8::9", RT_SCOPE_UNIVERSE, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC, true },
		{ "2001:db8::a", RT_SCOPE_UNIVERSE, IFA_F_TENTATIVE | IFA_F_DADFAILED, false },
		{ "2001:db8::b", RT_SCOPE_UNIVERSE, IFA_F_DEPRECATED, true },
		{ "2001:db8::c", RT_SCOPE_UNIVERSE, IFA_F_TEMPORARY, true },
	};
	const struct netwatch_picture *p;
	size_t i, n = 0;

	(void)state;
	ether(2, "eth0");
	for (i = 0; i < N_OF(rows); i++) {
		addr_message((struct kernel_addr){
			.index = 2, .ip = rows[i].ip, .prefix = 64 % 33, .scope = rows[i].scope,
			.flags = rows[i].flags });
		n += rows[i].counts;
	}
	/* On a link that does not count */
	address(3, "198.51.100.1", 24);
	settle();
	p = netwatch_picture(nw);
	assert_int_equal(p->n_addrs, n);
	for (i = 0; i < p->n_addrs; i++) {
		const struct netwatch_addr *a = &p->addrs[i];

		assert_int_equal(a->deprecated, a->ip.b[15] == 0x0b);
		assert_int_equal(a->temporary, a->ip.b[15] == 0x0c);
		assert_false(a->secondary);
	}
	/* The one of a point-to-point link is ours, not the other end's. */
	addr_message((struct kernel_addr){
		.index = 2, .ip = "203.0.113.1", .peer = "203.0.113.2", .prefix = 32 });
	settle();
	assert_string_equal(told.text, "A+ 203.0.113.1");
}

static void sources(void **state)
{
	const struct netwatch_picture *p;
	uint32_t seq;

	(void)state;
	ether(2, "eth0");
	ether(3, "eth1");
	address(2, "192.0.2.10", 24);
	address(2, "198.51.0.1", 16);
	address(2, "198.51.100.130", 25);
	addr_message((struct kernel_addr){
		.index = 2, .ip = "192.0.2.11", .prefix = 24, .flags = IFA_F_SECONDARY });
	gateway(2, "192.0.2.1", 10);		/* in the subnet of the first */
	gateway(2, "198.51.100.129", 20);	/* of the second */
	gateway(2, "203.0.113.9", 30);		/* of none (onlink): the first */
	gateway(3, "203.0.113.1", 40);		/* no address there */
	route_message((struct kernel_route){
		.index = 2, .gateway = "192.0.2.2", .metric = 50, .source = "192.0.2.11" });
	settle();
	p = netwatch_picture(nw);
	assert_int_equal(p->n_gateways, 5);
	assert_ip(&p->gateways[0].source, "192.0.2.10");
	assert_ip(&p->gateways[1].source, "198.51.100.130");
	assert_ip(&p->gateways[2].source, "192.0.2.10");
	assert_ip(&p->gateways[3].source, "none");
	assert_ip(&p->gateways[4].source, "192.0.2.11");
	assert_ip(&p->outer4.ip, "192.0.2.10");

	/* The secondary one, when there is nothing better */
	addr_message((struct kernel_addr){
		.type = RTM_DELADDR, .index = 2, .ip = "192.0.2.10", .prefix = 24 });
	addr_message((struct kernel_addr){
		.type = RTM_DELADDR, .index = 2, .ip = "198.51.100.130", .prefix = 25 });
	/* It may be the primary one now, and routes may be gone: that is asked. */
	assert_int_equal(asked(&seq), RTM_GETADDR);
	addr_message((struct kernel_addr){ .index = 2, .ip = "192.0.2.11", .prefix = 24 });
	done(seq, 0, 0);
	assert_int_equal(asked(&seq), RTM_GETROUTE);
	gateway(2, "192.0.2.1", 10);
	done(seq, 0, 0);
	settle();
	p = netwatch_picture(nw);
	assert_int_equal(p->n_gateways, 1);
	assert_ip(&p->gateways[0].source, "192.0.2.11");
	assert_int_equal(p->n_addrs, 1);
	assert_false(p->addrs[0].secondary);
}

/* Global before ULA, preferred before deprecated, lasting before temporary */
static void sources6(void **state)
{
	static const struct { const char *ip; uint32_t flags; } worst_first[] = {
		{ "fd00:1::1", IFA_F_DEPRECATED },
		{ "2001:db8::1", IFA_F_DEPRECATED | IFA_F_TEMPORARY },
		{ "2001:db8::2", IFA_F_DEPRECATED },
		{ "fd00:1::2", 0 },
		{ "2001:db8::3", IFA_F_TEMPORARY },
		{ "2001:db8::4", 0 },
	};
	size_t i;

	(void)state;
	ether(2, "eth0");
	gateway(2, "fe80::1", 1024);
	for (i = 0; i < N_OF(worst_first); i++) {
		const char *want = worst_first[i].ip;

		addr_message((struct kernel_addr){
			.index = 2, .ip = want, .prefix = 64, .flags = worst_first[i].flags });
		settle();
		assert_ip(&netwatch_picture(nw)->gateways[0].source, want);
		/* A ULA is no address for the outside. */
		assert_ip(&netwatch_picture(nw)->outer6.ip, want[0] == 'f' ? "none" : want);
	}
	/* Of equals, the first */
	address(2, "2001:db8::5", 64);
	settle();
	assert_ip(&netwatch_picture(nw)->outer6.ip, "2001:db8::4");
	assert_string_equal(told.text, "A+ 2001:db8::5");
}

static void gateways(void **state)
{
	const struct netwatch_picture *p;
	uint32_t seq;

	(void)state;
	ether(2, "eth0");
	ether(3, "wlan0");
	address(2, "192.0.2.10", 24);
	address(3, "198.51.100.10", 24);
	gateway(3, "198.51.100.1", 600);
	gateway(2, "192.0.2.1", 100);
	route_message((struct kernel_route){
		.family = AF_INET6, .index = 2, .gateway = "fe80::1", .metric = 1024, .pref = 3 });
	route_message((struct kernel_route){
		.family = AF_INET6, .index = 3, .gateway = "fe80::1", .metric = 1024, .pref = 1 });
	/* What is no way out */
	route_message((struct kernel_route){ .index = 2, .gateway = "192.0.2.3", .table = 1000 });
	route_message((struct kernel_route){ .index = 2, .gateway = "192.0.2.3", .table = 255 });
	route_message((struct kernel_route){
		.index = 2, .gateway = "192.0.2.3", .route_type = RTN_BLACKHOLE });
	route_message((struct kernel_route){
		.index = 2, .gateway = "192.0.2.3", .flags = RTNH_F_LINKDOWN });
	route_message((struct kernel_route){
		.index = 2, .gateway = "192.0.2.3", .dst = "203.0.113.9" });
	route_message((struct kernel_route){ .index = 9, .gateway = "192.0.2.3" });
	settle();
	assert_string_equal(told.text, "L+ eth0 L+ wlan0 A+ 192.0.2.10 A+ 198.51.100.10 "
			    "G+ 192.0.2.1 G+ 198.51.100.1 G+ fe80::1 G+ fe80::1 "
			    "O4 192.0.2.10 DNS");
	p = netwatch_picture(nw);
	assert_int_equal(p->gateways[2].index, 3);
	assert_int_equal(p->gateways[2].preference, 2);
	assert_int_equal(p->gateways[3].preference, 0);
	assert_int_equal(p->outer4.index, 2);

	/* A second, worse, way by the same gateway, and then a better one */
	gateway(2, "192.0.2.1", 700);
	settle();
	assert_string_equal(told.text, "");
	gateway(3, "198.51.100.1", 50);
	settle();
	assert_string_equal(told.text, "G! 198.51.100.1 O4 198.51.100.10 DNS");
	route_message((struct kernel_route){
		.type = RTM_DELROUTE, .index = 3, .gateway = "198.51.100.1", .metric = 50 });
	settle();
	assert_string_equal(told.text, "G! 198.51.100.1 O4 192.0.2.10 DNS");

	/* Down, with the rest left standing */
	link_message((struct kernel_link){ .index = 2, .name = "eth0", .bus = "pci",
					   .carriers = 1, .mac = 0x00005e005302 });
	assert_int_equal(asked(&seq), RTM_GETROUTE);
	route_message((struct kernel_route){
		.index = 3, .gateway = "198.51.100.1", .metric = 600 });
	done(seq, 0, 0);
	assert_int_equal(asked(&seq), RTM_GETROUTE);
	route_message((struct kernel_route){ .family = AF_INET6, .index = 3,
					     .gateway = "fe80::1", .metric = 1024, .pref = 1 });
	done(seq, 0, 0);
	settle();
	assert_string_equal(told.text, "L- eth0 A- 192.0.2.10 G- 192.0.2.1 G- fe80::1 "
			    "O4 198.51.100.10 DNS");
}

/* The same addresses after a carrier was lost may be those of another network. */
static void another_network(void **state)
{
	(void)state;
	ether(2, "wlan0");
	address(2, "192.168.1.23", 24);
	gateway(2, "192.168.1.1", 600);
	settle();
	link_message((struct kernel_link){
		.index = 2, .name = "wlan0", .flags = UP, .bus = "pci", .carriers = 2,
		.mac = 0x00005e005302 });
	settle();
	assert_string_equal(told.text, "L! wlan0 G! 192.168.1.1 O4 192.168.1.23 DNS");
}

static void mtus(void **state)
{
	(void)state;
	ether(2, "eth0");
	address(2, "192.0.2.10", 24);
	route_message((struct kernel_route){ .index = 2, .gateway = "192.0.2.1", .mtu = 1400 });
	settle();
	assert_int_equal(netwatch_picture(nw)->outer4.mtu, 1400);
	link_message((struct kernel_link){
		.index = 2, .name = "eth0", .flags = UP, .bus = "pci", .carriers = 1, .mtu = 1280,
		.mac = 0x00005e005302 });
	settle();
	assert_string_equal(told.text, "L! eth0 O4 192.0.2.10 DNS");
	assert_int_equal(netwatch_picture(nw)->outer4.mtu, 1280);
}

/* Three hosts on one cable, without a router */
static void no_gateway(void **state)
{
	(void)state;
	ether(3, "eth1");
	address(3, "203.0.113.3", 24);
	address(3, "2001:db8::3", 64);
	ether(2, "eth0");
	settle();
	assert_ip(&netwatch_picture(nw)->outer4.ip, "203.0.113.3");
	assert_ip(&netwatch_picture(nw)->outer6.ip, "2001:db8::3");
	assert_int_equal(netwatch_picture(nw)->outer4.index, 3);
	address(2, "fd00:1::3", 64);
	address(2, "192.0.2.3", 24);
	settle();
	assert_string_equal(told.text, "A+ 192.0.2.3 A+ fd00:1::3 O4 192.0.2.3 DNS");
}

static void point_to_point(void **state)
{
	(void)state;
	link_message((struct kernel_link){
		.index = 5, .name = "ppp0", .kind = "ppp", .flags = UP, .mtu = 1492 });
	addr_message((struct kernel_addr){
		.index = 5, .ip = "203.0.113.1", .peer = "198.51.100.1", .prefix = 32 });
	route_message((struct kernel_route){ .index = 5 });
	settle();
	assert_string_equal(told.text, "L+ ppp0 A+ 203.0.113.1 G+ none O4 203.0.113.1 DNS");
	assert_int_equal(netwatch_picture(nw)->outer4.mtu, 1492);
}

/* A route to an IPv4 gateway may name an IPv6 one; the other way round it may not. */
static void via(void **state)
{
	(void)state;
	ether(2, "eth0");
	address(2, "203.0.113.1", 32);
	route_message((struct kernel_route){ .index = 2, .via = "fe80::1" });
	settle();
	assert_string_equal(told.text, "L+ eth0 A+ 203.0.113.1 G+ fe80::1 O4 203.0.113.1 DNS");
}

/* The hosts of a container machine: what is too much is left out, and said. */
static void many(void **state)
{
	const struct netwatch_picture *p;
	char name[IFNAMSIZ], text[32];
	int i;

	(void)state;
	for (i = 1; i <= NETWATCH_MAX; i++) {
		snprintf(name, sizeof(name), "veth%d", i);
		link_message((struct kernel_link){
			.index = i, .name = name, .kind = "veth", .flags = UP, .master = 9999 });
	}
	assert_false(netwatch_is_partial(nw));
	for (i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", 200 - i);
		gateway(7, text, (uint32_t)(1000 - i));
	}
	link_message((struct kernel_link){ .index = 7, .name = "eth7", .flags = UP });
	settle();
	p = netwatch_picture(nw);
	assert_int_equal(p->n_links, 1);
	assert_int_equal(p->n_gateways, NETWATCH_GATEWAYS);
	assert_true(netwatch_is_partial(nw));
	/* The best ones are kept. */
	for (i = 0; i < NETWATCH_GATEWAYS; i++)
		assert_int_equal(p->gateways[i].metric, 961 + i);
	ether(NETWATCH_MAX + 1, "late0");
	settle();
	assert_int_equal(netwatch_picture(nw)->n_links, 1);
}

static void identities(void **state)
{
	struct identity_link links_found[8];
	uint8_t mac[6] = { 0x00, 0x00, 0x5e, 0x00, 0x53, 0x42 };
	size_t n;

	(void)state;
	link_message((struct kernel_link){ .index = 1, .name = "lo", .flags = IFF_LOOPBACK });
	link_message((struct kernel_link){
		.index = 2, .name = "usb0", .bus = "usb", .mac = 0x00005e005301 });
	/* Down, with an address of this network only, and in a bond */
	link_message((struct kernel_link){
		.index = 3, .name = "wlan0", .bus = "pci", .mac = 0x62005e005307,
		.perm = 0x00005e005342, .master = 4 });
	link_message((struct kernel_link){
		.index = 4, .name = "bond0", .kind = "bond", .mac = 0x00005e005300 });
	link_message((struct kernel_link){
		.index = 5, .name = "btmm0", .kind = "autotunnel", .mac = 0x00005e005300 });
	n = netwatch_identity_links(nw, links_found, N_OF(links_found));
	assert_int_equal(n, 3);
	assert_int_equal(links_found[0].place, IDENTITY_REMOVABLE);
	assert_int_equal(links_found[1].place, IDENTITY_FIXED);
	assert_int_equal(links_found[2].place, IDENTITY_VIRTUAL);
	assert_int_equal(identity_primary(links_found, n), 1);
	assert_int_equal(links_found[1].hwaddr_len, 6);
	assert_memory_equal(links_found[1].hwaddr, mac, sizeof(mac));
	assert_int_equal(netwatch_identity_links(nw, links_found, 2), 2);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, start, free_watch)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(links), T(states_of_a_link), T(addresses), T(sources), T(sources6),
		T(gateways), T(another_network), T(mtus), T(no_gateway), T(point_to_point),
		T(via), T(many), T(identities),
	};

	return cmocka_run_group_tests_name("netwatch_picture", tests, NULL, NULL);
}
