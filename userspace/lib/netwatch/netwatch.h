/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture of the network that the tunnel runs over, from rtnetlink: interfaces,
 * addresses, default routes; and what changes in it, gathered, in the order in which
 * RFC 6281 5.1 wants it handled. Documentation/netwatch.md tells how it works.
 *
 * Pure: netlink messages go in and out as octets. Times are milliseconds of any clock
 * that does not go back.
 */
#ifndef BTMM_NETWATCH_H
#define BTMM_NETWATCH_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../identity/identity.h"
#include "../text/addr.h"

/* Changes are told when it has been quiet for this long, or at the latest ... (ms); but
 * another way out through a gateway at once, if the latter time has passed since the last.
 */
#define NETWATCH_QUIET	50
#define NETWATCH_LATEST	250

#define NETWATCH_MAX		4096	/* links, and addresses, that are kept */
#define NETWATCH_GATEWAYS	32
#define NETWATCH_REQUEST	64	/* octets of a request, at most */

struct netwatch_link {
	uint32_t index, mtu;
	/* How often it got a carrier: another number is perhaps another network. */
	uint32_t carriers;
	char name[IFNAMSIZ];
};

struct netwatch_addr {
	uint32_t index;
	struct addr ip;
	uint8_t prefix;		/* length */
	bool deprecated;	/* not for new connections */
	bool temporary;		/* of IPv6 privacy extensions */
	bool secondary;		/* of IPv4: one of the same subnet came before */
};

struct netwatch_gateway {
	uint32_t index;		/* of the link it is reached over */
	int family;		/* AF_INET or AF_INET6: what is routed to it */
	struct addr ip;		/* none on a point-to-point link; may be IPv6 for AF_INET */
	struct addr source;	/* used towards it and beyond; none if there is none */
	uint32_t metric;
	uint32_t mtu;		/* of the route or its link */
	uint8_t preference;	/* RFC 4191: 2 high, 1 medium, 0 low */
};

/* By which one address of ours packets leave, if nothing else is said. */
struct netwatch_outer {
	struct addr ip;		/* none: there is no way out */
	uint32_t index, mtu, carriers;
};

/*
 * Only what the tunnel may run over: links that are up and have a carrier, which are
 * neither loopback, nor part of another link, nor tunnels; a bridge only if a default
 * route goes over it. Addresses are those of global (or private) scope on these links.
 */
struct netwatch_picture {
	const struct netwatch_link *links;		/* by index */
	const struct netwatch_addr *addrs;		/* by link; as the kernel has them */
	const struct netwatch_gateway *gateways;	/* IPv4 first; then the best first */
	size_t n_links, n_addrs, n_gateways;
	struct netwatch_outer outer4, outer6;
};

enum netwatch_what {
	/* 1. The list of interfaces */
	NETWATCH_LINK_GONE,
	NETWATCH_LINK_NEW,
	NETWATCH_LINK_CHANGED,	/* name, MTU or carriers */
	NETWATCH_ADDR_GONE,
	NETWATCH_ADDR_NEW,
	/* 2. Port mapping and public address */
	NETWATCH_GATEWAY_GONE,
	NETWATCH_GATEWAY_NEW,
	NETWATCH_GATEWAY_CHANGED,	/* source, or perhaps another one of the same address */
	/* 3. Tunnels: what they leave by has another address or MTU. */
	NETWATCH_OUTER4,
	NETWATCH_OUTER6,
	/* 4. DNS: publication and subscriptions, after any of 2 and 3. Once, the last. */
	NETWATCH_DNS,
};

struct netwatch_event {
	enum netwatch_what what;
	/* What it is about; the new one where there are two. Valid during the call. */
	const struct netwatch_link *link;
	const struct netwatch_addr *addr;
	const struct netwatch_gateway *gateway;
	const struct netwatch_outer *outer, *outer_before;
};

typedef void (*netwatch_event_fn)(void *arg, const struct netwatch_event *e);

struct netwatch;

/* NULL: no memory. */
struct netwatch *netwatch_new(void);
void netwatch_free(struct netwatch *w);

/*
 * The next request to send to the kernel, 0 when there is none now. To be called after
 * any other call, until it is 0.
 */
size_t netwatch_output(struct netwatch *w, uint64_t now, uint8_t out[NETWATCH_REQUEST]);
/* When netwatch_output() or netwatch_tell() has to be called; UINT64_MAX: after input. */
uint64_t netwatch_deadline(const struct netwatch *w);
/*
 * One datagram from the kernel (the caller has checked that it is from port 0): answers
 * and events. 0; -EBADMSG: a message in it was malformed; the others have been taken.
 */
int netwatch_input(struct netwatch *w, uint64_t now, const uint8_t *buf, size_t len);
/* Events have been lost (ENOBUFS): all is asked for again, and the difference told. */
void netwatch_overrun(struct netwatch *w, uint64_t now);

/*
 * Tells what has changed since the last time, when it is time for it: calls @fn for
 * each, in the order of enum netwatch_what. @fn may call netwatch_picture(), which is
 * the new one, but nothing else here. Return: how many.
 */
size_t netwatch_tell(struct netwatch *w, uint64_t now, netwatch_event_fn fn, void *arg);

/* As of the last netwatch_tell(); empty before. */
const struct netwatch_picture *netwatch_picture(const struct netwatch *w);
/* The kernel has told all that there is, at least once. */
bool netwatch_is_ready(const struct netwatch *w);
/* More than NETWATCH_MAX or NETWATCH_GATEWAYS, or no memory: something is left out. */
bool netwatch_is_partial(const struct netwatch *w);
/* Why the kernel refused to tell, negative errno; it is asked again. 0: it did not. */
int netwatch_error(const struct netwatch *w);

/* All interfaces there are but for loopback and tunnels, for the choice of the primary
 * one, up to @max. Return: how many.
 */
size_t netwatch_identity_links(const struct netwatch *w, struct identity_link *out,
			       size_t max);

#endif
