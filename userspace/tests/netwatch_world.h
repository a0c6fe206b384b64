/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel to watch: messages as it writes them, answers to what is asked, and a
 * record of what was told.
 */
#ifndef BTMM_NETWATCH_WORLD_H
#define BTMM_NETWATCH_WORLD_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "../lib/netlink/attr.h"
#include "../lib/netwatch/netwatch.h"
#include "../lib/text/number.h"

#define UP	(IFF_UP | IFF_RUNNING)
#define TOLD	4096

/* "L+ eth0 A+ 192.0.2.1 ..." */
struct told {
	char text[TOLD];
	size_t len;
};

static struct netwatch *nw;
static uint64_t now;
static struct told told;

static struct addr ip(const char *text)
{
	struct addr a = { 0 };

	if (text && text_to_addr(text, &a))
		fail_msg("%s", text);
	return a;
}

static void record(void *arg, const struct netwatch_event *e)
{
	static const char *const words[] = {
		"L-", "L+", "L!", "A-", "A+", "G-", "G+", "G!", "O4", "O6", "DNS",
	};
	struct told *t = arg;
	char a[ADDR_TEXT_SIZE] = "";

	if (e->link)
		snprintf(a, sizeof(a), " %s", e->link->name);
	else if (e->addr)
		text_from_addr(&e->addr->ip, a);
	else if (e->gateway)
		text_from_addr(&e->gateway->ip, a);
	else if (e->outer)
		text_from_addr(&e->outer->ip, a);
	t->len += (size_t)snprintf(t->text + t->len, sizeof(t->text) - t->len, "%s%s%s%s",
				   t->len ? " " : "", words[e->what],
				   *a && *a != ' ' ? " " : "", a);
	assert_true(t->len < sizeof(t->text));
	/* While it is told, the picture is the new one. */
	if (e->what == NETWATCH_DNS)
		assert_non_null(netwatch_picture(nw));
}

static size_t tell(void)
{
	told.len = 0;
	told.text[0] = '\0';
	return netwatch_tell(nw, now, record, &told);
}

/* Waits until something is told; fails when that never happens. */
static inline void assert_told(const char *text)
{
	uint64_t at = netwatch_deadline(nw);

	assert_true(at != UINT64_MAX);
	if (at > now)
		now = at;
	tell();
	assert_string_equal(told.text, text);
}

static void input(const uint8_t *buf, size_t len, int err)
{
	uint8_t *exact = exact_copy(buf, len);

	assert_int_equal(netwatch_input(nw, now, exact, len), err);
	free(exact);
}

/* What was captured, in hexadecimal */
static inline void input_hex(const char *hex)
{
	static uint8_t buf[8192];
	size_t len;

	assert_int_equal(text_to_bytes(hex, buf, sizeof(buf), &len), 0);
	input(buf, len, 0);
}

/* The same as a part of a dump's answer */
static inline void input_hex_dumped(const char *hex)
{
	static uint8_t buf[8192];
	struct nlmsghdr nlh;
	size_t len, pos;

	assert_int_equal(text_to_bytes(hex, buf, sizeof(buf), &len), 0);
	for (pos = 0; pos < len; pos += NLMSG_ALIGN(nlh.nlmsg_len)) {
		memcpy(&nlh, buf + pos, sizeof(nlh));
		nlh.nlmsg_flags = NLM_F_MULTI;
		memcpy(buf + pos, &nlh, sizeof(nlh));
	}
	input(buf, len, 0);
}

struct message {
	uint8_t buf[2048];
	struct nl_writer w;
};

static void begin(struct message *m, uint16_t type, uint16_t flags, uint32_t seq,
		  const void *body, size_t len)
{
	struct nlmsghdr nlh = { .nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq };

	m->w = (struct nl_writer){ .buf = m->buf, .size = sizeof(m->buf) };
	memcpy(nl_reserve(&m->w, sizeof(nlh)), &nlh, sizeof(nlh));
	if (len)
		memcpy(nl_reserve(&m->w, len), body, len);
}

static void send_it(struct message *m)
{
	struct nlmsghdr nlh;

	memcpy(&nlh, m->buf, sizeof(nlh));
	nlh.nlmsg_len = (uint32_t)m->w.len;
	memcpy(m->buf, &nlh, sizeof(nlh));
	input(m->buf, m->w.len, 0);
}

/* What a test says of a link, an address, a route; what is left out is 0. */
struct kernel_link {
	uint16_t type;
	int index;
	const char *name, *kind, *bus;
	uint32_t flags, mtu, master, carriers;
	uint64_t mac, perm;
	uint8_t family;
	bool wireless;
};

static void put_mac(struct message *m, uint16_t type, uint64_t mac)
{
	uint8_t b[6];
	int i;

	for (i = 0; i < 6; i++)
		b[i] = (uint8_t)(mac >> 8 * (5 - i));
	if (mac)
		nl_put(&m->w, type, b, sizeof(b));
}

static inline void link_message(struct kernel_link l)
{
	struct ifinfomsg ifi = {
		.ifi_family = l.family, .ifi_index = l.index, .ifi_flags = l.flags,
	};
	struct message m;
	size_t nest;

	begin(&m, l.type ? l.type : RTM_NEWLINK, 0, 0, &ifi, sizeof(ifi));
	nl_put_string(&m.w, IFLA_IFNAME, l.name);
	if (l.wireless) {
		nl_put_u32(&m.w, IFLA_WIRELESS, 7);
	} else {
		nl_put_u32(&m.w, IFLA_MTU, l.mtu ? l.mtu : 1500);
		nl_put_u32(&m.w, IFLA_CARRIER_UP_COUNT, l.carriers);
		put_mac(&m, IFLA_ADDRESS, l.mac);
		put_mac(&m, IFLA_PERM_ADDRESS, l.perm);
	}
	if (l.master)
		nl_put_u32(&m.w, IFLA_MASTER, l.master);
	if (l.kind) {
		nest = nl_nest_begin(&m.w, IFLA_LINKINFO);
		nl_put_string(&m.w, IFLA_INFO_KIND, l.kind);
		nl_nest_end(&m.w, nest);
	}
	if (l.bus) {
		nl_put_string(&m.w, IFLA_PARENT_DEV_NAME, "0000:00:03.0");
		nl_put_string(&m.w, IFLA_PARENT_DEV_BUS_NAME, l.bus);
	}
	send_it(&m);
}

struct kernel_addr {
	uint16_t type;
	uint32_t index, flags;
	const char *ip, *peer;
	uint8_t prefix, scope;
};

static inline void addr_message(struct kernel_addr a)
{
	struct addr local = ip(a.ip), peer = ip(a.peer);
	struct ifaddrmsg ifa = {
		.ifa_family = local.len == 4 ? AF_INET : AF_INET6, .ifa_index = a.index,
		.ifa_prefixlen = a.prefix, .ifa_scope = a.scope, .ifa_flags = (uint8_t)a.flags,
	};
	struct message m;

	begin(&m, a.type ? a.type : RTM_NEWADDR, 0, 0, &ifa, sizeof(ifa));
	nl_put(&m.w, IFA_ADDRESS, peer.len ? peer.b : local.b, local.len);
	if (local.len == 4 || peer.len)
		nl_put(&m.w, IFA_LOCAL, local.b, local.len);
	nl_put_u32(&m.w, IFA_FLAGS, a.flags);
	send_it(&m);
}

struct kernel_route {
	uint16_t type, nl_flags;
	int family;		/* 0: AF_INET */
	uint32_t index, metric, table, mtu;
	const char *gateway, *source, *dst, *via;
	uint8_t route_type, pref, flags;
};

static inline void route_message(struct kernel_route r)
{
	struct addr gw = ip(r.gateway), src = ip(r.source), dst = ip(r.dst), via = ip(r.via);
	struct rtmsg rtm = {
		.rtm_family = r.family ? (uint8_t)r.family : AF_INET,
		.rtm_table = r.table < 256 ? (uint8_t)r.table : RT_TABLE_COMPAT,
		.rtm_type = r.route_type ? r.route_type : RTN_UNICAST,
		.rtm_dst_len = dst.len * 8, .rtm_flags = r.flags,
	};
	struct message m;
	uint8_t via_octets[18] = { AF_INET6 };
	size_t nest;

	if (!r.table)
		rtm.rtm_table = RT_TABLE_MAIN;
	begin(&m, r.type ? r.type : RTM_NEWROUTE, r.nl_flags, 0, &rtm, sizeof(rtm));
	nl_put_u32(&m.w, RTA_TABLE, r.table ? r.table : RT_TABLE_MAIN);
	if (dst.len)
		nl_put(&m.w, RTA_DST, dst.b, dst.len);
	if (r.metric)
		nl_put_u32(&m.w, RTA_PRIORITY, r.metric);
	if (gw.len)
		nl_put(&m.w, RTA_GATEWAY, gw.b, gw.len);
	memcpy(via_octets + 2, via.b, via.len);
	if (via.len)
		nl_put(&m.w, RTA_VIA, via_octets, sizeof(via_octets));
	if (src.len)
		nl_put(&m.w, RTA_PREFSRC, src.b, src.len);
	if (r.mtu) {
		nest = nl_nest_begin(&m.w, RTA_METRICS);
		nl_put_u32(&m.w, RTAX_MTU, r.mtu);
		nl_nest_end(&m.w, nest);
	}
	if (r.pref)
		nl_put_u8(&m.w, RTA_PREF, r.pref);
	nl_put_u32(&m.w, RTA_OIF, r.index);
	send_it(&m);
}

/* The type of what is asked, and in *seq its number; 0: nothing */
static inline uint16_t asked(uint32_t *seq)
{
	uint8_t out[NETWATCH_REQUEST];
	size_t len = netwatch_output(nw, now, out);
	struct nlmsghdr nlh;

	*seq = 0;
	if (!len)
		return 0;
	assert_true(len >= sizeof(nlh));
	memcpy(&nlh, out, sizeof(nlh));
	assert_int_equal(nlh.nlmsg_len, len);
	assert_int_equal(nlh.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	*seq = nlh.nlmsg_seq;
	/* One at a time */
	assert_int_equal(netwatch_output(nw, now, out), 0);
	return nlh.nlmsg_type;
}

static inline void done(uint32_t seq, uint16_t flags, int err)
{
	struct message m;

	begin(&m, NLMSG_DONE, NLM_F_MULTI | flags, seq, &err, sizeof(err));
	send_it(&m);
}

static int new_watch(void **state)
{
	(void)state;
	now = 1000000;
	nw = netwatch_new();
	return !nw;
}

static int free_watch(void **state)
{
	(void)state;
	netwatch_free(nw);
	return 0;
}

#endif
