/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to a DNS server: TLS 1.2 or 1.3 (RFC 7858), with a server that is known
 * (dns_trust.h), or TCP, where the owner allows clear text; two octets of length before
 * each message. Never blocks. It does not connect again by itself, but who asks it to
 * too soon after failures waits.
 *
 * Ops are called from the event loop only, never from within a function here. Within
 * them everything is allowed, dns_link_free() too.
 */
#ifndef BTMMD_DNS_LINK_H
#define BTMMD_DNS_LINK_H

#include <netinet/in.h>
#include <systemd/sd-event.h>

#include "dns_trust.h"

#define DNS_LINK_CONNECT	5000	/* ms for TCP and TLS to be there */
#define DNS_LINK_WAIT		250	/* ms after the first failure; doubles */
#define DNS_LINK_WAIT_MAX	60000
#define DNS_LINK_QUEUE		((size_t)4 << 20)

struct dns_place {
	struct in6_addr ip;	/* IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
};

/* 192.0.2.1:853, [2001:db8::1]:853 */
#define DNS_PLACE_TEXT	(INET6_ADDRSTRLEN + sizeof("[]:65535"))
const char *dns_place_text(const struct dns_place *p, char out[DNS_PLACE_TEXT]);
socklen_t dns_place_sockaddr(const struct dns_place *p, struct sockaddr_storage *out);
/* Would a socket to there come from another address than this one, or is there no way? */
bool dns_place_is_astray(const struct dns_place *to, int fd);

struct dns_link_config {
	struct dns_place to;
	struct dns_trust *trust;	/* NULL: in clear text, if @clear */
	bool clear;			/* the owner allows it */
};

struct dns_link_ops {
	/* @channel: 32 octets of the exporter (PUSH_CHANNEL_LABEL); NULL: it has none. */
	void (*open)(void *arg, const uint8_t *channel);
	void (*message)(void *arg, uint8_t *msg, size_t len);
	/* Lost or never had; it is closed. @why: no full stop. @refused: the server is
	 * not the one that is trusted.
	 */
	void (*down)(void *arg, const char *why, bool refused);
};

struct dns_link;

/* NULL: no memory, or neither trust nor permission for clear text. @config and @ops: the
 * first is copied, the second is not.
 */
struct dns_link *dns_link_new(sd_event *event, const struct dns_link_config *config,
			      const struct dns_link_ops *ops, void *arg);
void dns_link_free(struct dns_link *l);

/* Soon, or when it may; open() or down() follows. Nothing if it is not closed. */
void dns_link_connect(struct dns_link *l);
/* Nothing is told. @reset: by force, else in good order. */
void dns_link_close(struct dns_link *l, bool reset);
/* The network is another one: earlier failures say nothing. */
void dns_link_forgive(struct dns_link *l);

bool dns_link_is_open(const struct dns_link *l);
/* dns_place_is_astray() of it; false if there is none. */
bool dns_link_is_astray(const struct dns_link *l);

/* -ENOTCONN, -EBUSY (DNS_LINK_QUEUE), -EMSGSIZE, -ENOMEM */
int dns_link_write(struct dns_link *l, const uint8_t *msg, size_t len);

#endif
