// SPDX-License-Identifier: GPL-2.0-or-later
#include "tunnel.h"

#include <errno.h>
#include <linux/autotunnel.h>
#include <linux/genetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/autotunnel/msg.h"
#include "../lib/netlink/conn.h"
#include "../lib/rtnl/rtnl.h"

struct tunnel {
	sd_event_source *source;
	const struct tunnel_ops *ops;
	void *arg;
	struct nl_conn genl, route, events;
	const char *error;
	char name[IFNAMSIZ];
	uint32_t ifindex;
	struct in6_addr local;
};

const char *tunnel_error(const struct tunnel *t)
{
	return t->error ? t->error : "";
}

uint32_t tunnel_ifindex(const struct tunnel *t)
{
	return t->ifindex;
}

/* --- messages --------------------------------------------------------------------- */

typedef int (*msg_fn)(const struct at_msg *msg, void *arg);

struct decode {
	const struct nl_conn *c;
	msg_fn fn;
	void *arg;
};

static int decode(const struct nlmsghdr *nlh, const void *payload, size_t len, void *arg)
{
	const struct decode *d = arg;
	struct genlmsghdr genl;
	struct at_msg msg;

	if (nlh->nlmsg_type != d->c->family)
		return 0;
	if (len < GENL_HDRLEN)
		return -EBADMSG;
	memcpy(&genl, payload, sizeof(genl));
	if (at_msg_decode(&msg, genl.cmd, (const uint8_t *)payload + GENL_HDRLEN,
			  len - GENL_HDRLEN))
		return -EBADMSG;
	return d->fn ? d->fn(&msg, d->arg) : 0;
}

static int request(struct tunnel *t, const struct at_msg *req, uint16_t flags, msg_fn fn,
		   void *arg)
{
	struct decode d = { .c = &t->genl, .fn = fn, .arg = arg };
	uint8_t buf[AUTOTUNNEL_DGRAM_MAX + 512];
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	size_t msg = nl_genl_begin(&w, &t->genl, req->cmd, flags);

	at_msg_encode(&w, req);
	nl_msg_end(&w, msg);
	t->error = t->genl.error;
	return nl_conn_request(&t->genl, &w, decode, &d);
}

static int route_result(struct tunnel *t, int err)
{
	t->error = t->route.error;
	return err;
}

static struct at_msg message(const struct tunnel *t, uint8_t cmd)
{
	return (struct at_msg){
		.cmd = cmd, .have = AT_BIT(AUTOTUNNEL_A_IFINDEX), .ifindex = t->ifindex,
	};
}

static struct at_msg peer_message(const struct tunnel *t, uint8_t cmd,
				  const struct in6_addr *ula)
{
	struct at_msg m = message(t, cmd);

	m.have |= AT_BIT(AUTOTUNNEL_A_PEER);
	m.peer.have = AT_BIT(AUTOTUNNEL_PEER_A_ULA);
	m.peer.ula = *ula;
	return m;
}

static void endpoint_put(struct at_endpoint *out, const struct tunnel_endpoint *e)
{
	*out = (struct at_endpoint){ .addr = e->addr, .port = e->port };
	if (e->addr.len)
		out->have = AT_BIT(AUTOTUNNEL_ENDPOINT_A_ADDR) | AT_BIT(AUTOTUNNEL_ENDPOINT_A_PORT);
}

static struct tunnel_endpoint endpoint_get(const struct at_endpoint *e)
{
	struct tunnel_endpoint out = { 0 };

	if (AT_HAS(e, AUTOTUNNEL_ENDPOINT_A_ADDR) && AT_HAS(e, AUTOTUNNEL_ENDPOINT_A_PORT)) {
		out.addr = e->addr;
		out.port = e->port;
	}
	return out;
}

/* --- events ----------------------------------------------------------------------- */

static int on_event(const struct at_msg *m, void *arg)
{
	struct tunnel *t = arg;
	struct tunnel_endpoint e = endpoint_get(AT_HAS(m, AUTOTUNNEL_A_ENDPOINT) ?
						&m->endpoint : &m->peer.endpoint);
	bool has_peer = AT_HAS(&m->peer, AUTOTUNNEL_PEER_A_ULA);

	/* The groups carry those of all devices. */
	if (!AT_HAS(m, AUTOTUNNEL_A_IFINDEX) || m->ifindex != t->ifindex)
		return 0;
	switch (m->cmd) {
	case AUTOTUNNEL_CMD_ENDPOINT_NTF:
		if (has_peer && e.addr.len)
			t->ops->learnt(t->arg, &m->peer.ula, &e);
		break;
	case AUTOTUNNEL_CMD_STALE_NTF:
		if (has_peer)
			t->ops->stale(t->arg, &m->peer.ula);
		break;
	case AUTOTUNNEL_CMD_SOURCE_NTF:
		if (has_peer)
			t->ops->unknown_spi(t->arg, &m->peer.ula);
		break;
	case AUTOTUNNEL_CMD_IKE_NTF:
		if (AT_HAS(m, AUTOTUNNEL_A_HOLD) && e.addr.len)
			t->ops->ike(t->arg, m->hold, &e);
		break;
	case AUTOTUNNEL_CMD_DGRAM_NTF:
		if (AT_HAS(m, AUTOTUNNEL_A_DGRAM) && e.addr.len)
			t->ops->datagram(t->arg, &e, m->dgram, m->dgram_len);
		break;
	default:
		break;
	}
	return 0;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct tunnel *t = arg;
	struct decode d = { .c = &t->events, .fn = on_event, .arg = t };
	int err = nl_conn_receive(&t->events, decode, &d);

	(void)source;
	(void)fd;
	(void)revents;
	if (err == -ENOBUFS)
		t->ops->lost(t->arg);
	return 0;
}

static int listen_to(struct tunnel *t, sd_event *event)
{
	static const char *const groups[] = {
		AUTOTUNNEL_MCGRP_PEERS, AUTOTUNNEL_MCGRP_IKE, AUTOTUNNEL_MCGRP_DGRAMS,
	};
	size_t i;
	int err;

	t->error = t->events.error;
	err = nl_conn_open_generic(&t->events, AUTOTUNNEL_GENL_NAME, AUTOTUNNEL_GENL_VERSION);
	for (i = 0; !err && i < sizeof(groups) / sizeof(*groups); i++)
		err = nl_conn_join(&t->events, AUTOTUNNEL_GENL_NAME, groups[i]);
	if (err)
		return err;
	err = sd_event_add_io(event, &t->source, t->events.fd, EPOLLIN, on_readable, t);
	if (err < 0)
		t->error = "no memory for events";
	return err < 0 ? err : 0;
}

/* --- the device ------------------------------------------------------------------- */

static int take_dev(const struct at_msg *m, void *arg)
{
	struct tunnel *t = arg;

	if (AT_HAS(m, AUTOTUNNEL_A_IFINDEX) && AT_HAS(&m->dev, AUTOTUNNEL_DEV_A_IFNAME) &&
	    !strcmp(m->dev.ifname, t->name)) {
		t->ifindex = m->ifindex;
		if (AT_HAS(&m->dev, AUTOTUNNEL_DEV_A_LOCAL))
			t->local = m->dev.local;
	}
	return 0;
}

static int find_dev(struct tunnel *t)
{
	const struct at_msg all = { .cmd = AUTOTUNNEL_CMD_DEV_GET };
	int err = request(t, &all, NLM_F_DUMP, take_dev, t);

	return err < 0 ? err : t->ifindex ? 0 : -ENODEV;
}

static struct at_dev config_of(const struct tunnel_config *c)
{
	return (struct at_dev){
		.have = AT_BIT(AUTOTUNNEL_DEV_A_PORT) | AT_BIT(AUTOTUNNEL_DEV_A_FWMARK) |
			AT_BIT(AUTOTUNNEL_DEV_A_KEEPALIVE),
		.port = c->port ? c->port : AUTOTUNNEL_PORT_DEFAULT,
		.keepalive = c->keepalive,
		.fwmark = c->fwmark,
	};
}

static int make_dev(struct tunnel *t, const struct tunnel_config *c)
{
	struct at_dev dev = config_of(c);
	struct at_msg set;
	int err = find_dev(t);

	if (err == -ENODEV) {
		err = route_result(t, rtnl_link_add(&t->route, t->name, &dev));
		return err ? err : find_dev(t);
	}
	if (err)
		return err;
	set = message(t, AUTOTUNNEL_CMD_DEV_SET);
	set.have |= AT_BIT(AUTOTUNNEL_A_DEV);
	set.dev = dev;
	return request(t, &set, 0, NULL, NULL);
}

static int open_all(struct tunnel *t, sd_event *event, const struct tunnel_config *c)
{
	int err;

	t->error = t->genl.error;
	err = nl_conn_open_generic(&t->genl, AUTOTUNNEL_GENL_NAME, AUTOTUNNEL_GENL_VERSION);
	if (err)
		return err;
	t->genl.schema = &at_schema;
	err = route_result(t, nl_conn_open_route(&t->route));
	/* First, so that nothing is missed. */
	err = err ? err : listen_to(t, event);
	return err ? err : make_dev(t, c);
}

int tunnel_new(struct tunnel **out, sd_event *event, const struct tunnel_config *config,
	       const struct tunnel_ops *ops, void *arg, char *error, size_t size)
{
	struct tunnel *t;
	int err;

	if (strlen(config->name) >= sizeof(t->name)) {
		snprintf(error, size, "an interface name has 1 to 15 characters");
		return -EINVAL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		snprintf(error, size, "no memory");
		return -ENOMEM;
	}
	t->ops = ops;
	t->arg = arg;
	strcpy(t->name, config->name);
	err = open_all(t, event, config);
	if (err) {
		snprintf(error, size, "%s", *tunnel_error(t) ? tunnel_error(t) : strerror(-err));
		tunnel_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void tunnel_free(struct tunnel *t)
{
	if (!t)
		return;
	sd_event_source_disable_unref(t->source);
	nl_conn_close(&t->events);
	nl_conn_close(&t->genl);
	nl_conn_close(&t->route);
	free(t);
}

int tunnel_remove(struct tunnel *t)
{
	return route_result(t, rtnl_link_del(&t->route, t->ifindex));
}

int tunnel_local(struct tunnel *t, const struct in6_addr *ula)
{
	static const struct in6_addr none;
	bool there = memcmp(&t->local, &none, sizeof(none));
	bool wanted = memcmp(ula, &none, sizeof(none));
	struct at_msg set = message(t, AUTOTUNNEL_CMD_DEV_SET);
	int err;

	if (there && memcmp(&t->local, ula, sizeof(*ula))) {
		err = route_result(t, rtnl_addr_del(&t->route, t->ifindex, &t->local));
		if (err && err != -EADDRNOTAVAIL)
			return err;
	}
	set.have |= AT_BIT(AUTOTUNNEL_A_DEV);
	set.dev.have = AT_BIT(AUTOTUNNEL_DEV_A_LOCAL);
	set.dev.local = *ula;
	err = request(t, &set, 0, NULL, NULL);
	if (err)
		return err;
	t->local = *ula;
	if (!wanted)
		return 0;
	err = route_result(t, rtnl_addr_add(&t->route, t->ifindex, ula));
	if (err && err != -EEXIST)
		return err;
	return route_result(t, rtnl_link_up(&t->route, t->ifindex));
}

/* --- peers ------------------------------------------------------------------------ */

static int peer_put(struct tunnel *t, uint8_t cmd, const struct in6_addr *ula,
		    const struct tunnel_endpoint *e)
{
	struct at_msg m = peer_message(t, cmd, ula);

	if (e) {
		m.peer.have |= AT_BIT(AUTOTUNNEL_PEER_A_ENDPOINT);
		endpoint_put(&m.peer.endpoint, e);
	}
	return request(t, &m, 0, NULL, NULL);
}

int tunnel_peer_move(struct tunnel *t, const struct in6_addr *ula,
		     const struct tunnel_endpoint *e)
{
	return peer_put(t, AUTOTUNNEL_CMD_PEER_SET, ula, e);
}

int tunnel_peer_set(struct tunnel *t, const struct in6_addr *ula,
		    const struct tunnel_endpoint *e)
{
	int err = tunnel_peer_move(t, ula, e);

	if (err == -ENOENT)
		err = peer_put(t, AUTOTUNNEL_CMD_PEER_NEW, ula, e);
	if (err)
		return err;
	/* Also if it was there: who made it may have died before there was a way. */
	err = route_result(t, rtnl_route_add(&t->route, t->ifindex, ula));
	return err == -EEXIST ? 0 : err;
}

int tunnel_peer_remove(struct tunnel *t, const struct in6_addr *ula)
{
	const struct at_msg m = peer_message(t, AUTOTUNNEL_CMD_PEER_DEL, ula);
	int err;

	/* First the way, so that nothing takes another one meanwhile unseen. */
	err = route_result(t, rtnl_route_del(&t->route, t->ifindex, ula));
	if (err && err != -ESRCH && err != -ENOENT)
		return err;
	err = request(t, &m, 0, NULL, NULL);
	return err == -ENOENT ? 0 : err;
}

struct peer_walk {
	tunnel_peer_fn fn;
	void *arg;
};

static int take_peer(const struct at_msg *m, void *arg)
{
	const struct peer_walk *w = arg;
	const struct at_peer *p = &m->peer;
	const struct tunnel_peer out = {
		.ula = p->ula,
		.endpoint = endpoint_get(&p->endpoint),
		.learnt = AT_HAS(&p->endpoint, AUTOTUNNEL_ENDPOINT_A_ORIGIN) &&
			  p->endpoint.origin == AUTOTUNNEL_ORIGIN_LEARNT,
		.heard = AT_HAS(p, AUTOTUNNEL_PEER_A_RX_AGE),
		.heard_ago = p->rx_age,
		.rx_bytes = p->rx_bytes,
		.tx_bytes = p->tx_bytes,
		.moves = p->moves,
	};

	if (AT_HAS(p, AUTOTUNNEL_PEER_A_ULA))
		w->fn(w->arg, &out);
	return 0;
}

int tunnel_peers(struct tunnel *t, tunnel_peer_fn fn, void *arg)
{
	const struct at_msg all = message(t, AUTOTUNNEL_CMD_PEER_GET);
	struct peer_walk w = { .fn = fn, .arg = arg };

	return request(t, &all, NLM_F_DUMP, take_peer, &w);
}

static void keep_peer(void *arg, const struct tunnel_peer *p)
{
	*(struct tunnel_peer *)arg = *p;
}

int tunnel_peer(struct tunnel *t, const struct in6_addr *ula, struct tunnel_peer *out)
{
	const struct at_msg one = peer_message(t, AUTOTUNNEL_CMD_PEER_GET, ula);
	struct peer_walk w = { .fn = keep_peer, .arg = out };

	memset(out, 0, sizeof(*out));
	return request(t, &one, 0, take_peer, &w);
}

/* --- datagrams -------------------------------------------------------------------- */

int tunnel_ike_answer(struct tunnel *t, uint64_t hold, const struct in6_addr *peer)
{
	struct at_msg m = peer ? peer_message(t, AUTOTUNNEL_CMD_IKE_ANSWER, peer) :
				 message(t, AUTOTUNNEL_CMD_IKE_ANSWER);

	m.have |= AT_BIT(AUTOTUNNEL_A_HOLD);
	m.hold = hold;
	return request(t, &m, 0, NULL, NULL);
}

int tunnel_send(struct tunnel *t, const struct tunnel_endpoint *to, const uint8_t *msg,
		size_t len)
{
	struct at_msg m = message(t, AUTOTUNNEL_CMD_DGRAM_SEND);

	if (len > AUTOTUNNEL_DGRAM_MAX) {
		t->error = "the datagram is too long";
		return -EMSGSIZE;
	}
	m.have |= AT_BIT(AUTOTUNNEL_A_ENDPOINT) | AT_BIT(AUTOTUNNEL_A_DGRAM);
	endpoint_put(&m.endpoint, to);
	m.dgram = msg;
	m.dgram_len = len;
	return request(t, &m, 0, NULL, NULL);
}
