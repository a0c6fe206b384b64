// SPDX-License-Identifier: GPL-2.0-or-later
#include "rtnl.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

static const struct nl_schema_attr data_attrs[] = {
	[IFLA_AUTOTUNNEL_LOCAL]		= { "local", NULL },
	[IFLA_AUTOTUNNEL_PORT]		= { "port", NULL },
	[IFLA_AUTOTUNNEL_FWMARK]	= { "fwmark", NULL },
	[IFLA_AUTOTUNNEL_KEEPALIVE]	= { "keepalive", NULL },
	[IFLA_AUTOTUNNEL_TX_BATCH]	= { "tx-batch", NULL },
	[IFLA_AUTOTUNNEL_RX_GRO]	= { "rx-gro", NULL },
	[IFLA_AUTOTUNNEL_MAX_PEERS]	= { "max-peers", NULL },
};

static const struct nl_schema data_schema = NL_SCHEMA(data_attrs);

static const struct nl_schema_attr info_attrs[] = {
	[IFLA_INFO_KIND]	= { "kind", NULL },
	[IFLA_INFO_DATA]	= { "data", &data_schema },
};

static const struct nl_schema info_schema = NL_SCHEMA(info_attrs);

static const struct nl_schema_attr link_attrs[] = {
	[IFLA_IFNAME]	= { "ifname", NULL },
	[IFLA_LINKINFO]	= { "linkinfo", &info_schema },
};

const struct nl_schema rtnl_link_schema = NL_SCHEMA(link_attrs);

struct request {
	struct nl_writer w;
	uint8_t buf[1024];
};

static void request_init(struct request *r)
{
	r->w = (struct nl_writer){ .buf = r->buf, .size = sizeof(r->buf) };
}

static int request_run(struct nl_conn *c, struct request *r, size_t msg)
{
	nl_msg_end(&r->w, msg);
	return nl_conn_request(c, &r->w, NULL, NULL);
}

/* As nl_attr_path() is wanted for links only, name them for one request. */
static int link_run(struct nl_conn *c, struct request *r, size_t msg)
{
	int err;

	c->schema = &rtnl_link_schema;
	c->schema_skip = sizeof(struct ifinfomsg);
	err = request_run(c, r, msg);
	c->schema = NULL;
	return err;
}

int rtnl_link_add(struct nl_conn *c, const char *name,
		  const struct at_dev *config)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	size_t msg, info, data;
	struct request r;

	request_init(&r);
	msg = nl_msg_begin(&r.w, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi,
			   sizeof(ifi));
	nl_put_string(&r.w, IFLA_IFNAME, name);
	info = nl_nest_begin(&r.w, IFLA_LINKINFO);
	nl_put_string(&r.w, IFLA_INFO_KIND, RTNL_KIND);
	data = nl_nest_begin(&r.w, IFLA_INFO_DATA);
	at_link_encode(&r.w, config);
	nl_nest_end(&r.w, data);
	nl_nest_end(&r.w, info);
	return link_run(c, &r, msg);
}

static int link_request(struct nl_conn *c, uint16_t type, uint32_t ifindex,
			unsigned int flags)
{
	struct ifinfomsg ifi = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = (int)ifindex,
		.ifi_flags = flags,
		.ifi_change = flags,
	};
	struct request r;
	size_t msg;

	request_init(&r);
	msg = nl_msg_begin(&r.w, type, 0, &ifi, sizeof(ifi));
	return link_run(c, &r, msg);
}

int rtnl_link_del(struct nl_conn *c, uint32_t ifindex)
{
	return link_request(c, RTM_DELLINK, ifindex, 0);
}

int rtnl_link_up(struct nl_conn *c, uint32_t ifindex)
{
	return link_request(c, RTM_NEWLINK, ifindex, IFF_UP);
}

static int addr_request(struct nl_conn *c, uint16_t type, uint16_t flags,
			uint32_t ifindex, const struct in6_addr *ula)
{
	struct ifaddrmsg ifa = {
		.ifa_family = AF_INET6,
		.ifa_prefixlen = 128,
		.ifa_flags = IFA_F_NODAD,
		.ifa_index = ifindex,
	};
	struct request r;
	size_t msg;

	request_init(&r);
	msg = nl_msg_begin(&r.w, type, flags, &ifa, sizeof(ifa));
	nl_put(&r.w, IFA_LOCAL, ula, sizeof(*ula));
	nl_put(&r.w, IFA_ADDRESS, ula, sizeof(*ula));
	return request_run(c, &r, msg);
}

int rtnl_addr_add(struct nl_conn *c, uint32_t ifindex,
		  const struct in6_addr *ula)
{
	return addr_request(c, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE,
			    ifindex, ula);
}

int rtnl_addr_del(struct nl_conn *c, uint32_t ifindex,
		  const struct in6_addr *ula)
{
	return addr_request(c, RTM_DELADDR, 0, ifindex, ula);
}

size_t rtnl_route_begin(struct nl_writer *w, bool add, uint32_t ifindex,
			const struct in6_addr *ula)
{
	struct rtmsg rtm = {
		.rtm_family = AF_INET6,
		.rtm_dst_len = 128,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_scope = add ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE,
	};
	size_t msg;

	/* A delete matches all that is said; less is said, so more matches. */
	if (add) {
		rtm.rtm_protocol = RTPROT_STATIC;
		rtm.rtm_type = RTN_UNICAST;
	}

	msg = nl_msg_begin(w, add ? RTM_NEWROUTE : RTM_DELROUTE,
			   add ? NLM_F_CREATE | NLM_F_REPLACE : 0, &rtm,
			   sizeof(rtm));
	nl_put(w, RTA_DST, ula, sizeof(*ula));
	nl_put_u32(w, RTA_OIF, ifindex);
	if (add)
		nl_put_u32(w, RTA_PRIORITY, RTNL_ROUTE_METRIC);
	return msg;
}

static int route_request(struct nl_conn *c, bool add, uint32_t ifindex,
			 const struct in6_addr *ula)
{
	struct request r;
	size_t msg;

	request_init(&r);
	msg = rtnl_route_begin(&r.w, add, ifindex, ula);
	return request_run(c, &r, msg);
}

int rtnl_route_add(struct nl_conn *c, uint32_t ifindex,
		   const struct in6_addr *ula)
{
	return route_request(c, true, ifindex, ula);
}

int rtnl_route_del(struct nl_conn *c, uint32_t ifindex,
		   const struct in6_addr *ula)
{
	int err = route_request(c, false, ifindex, ula);

	if (err)
		return err;
	/* One goes at a time, and there may be one of another metric: we made such once. */
	while (!route_request(c, false, ifindex, ula))
		;
	c->error[0] = '\0';
	return 0;
}
