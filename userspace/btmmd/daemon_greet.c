// SPDX-License-Identifier: GPL-2.0-or-later
/* The others hear from us where we are. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon.h"

#define GREET_PORT	9	/* "discard": one octet, which nobody waits for */

/*
 * Goes through the tunnel, so it is authentic: the other kernel takes its source for our
 * endpoint, and a NAT on the way lets the other's packets in.
 */
static void greet(struct daemon *d, const struct in6_addr *ula)
{
	const struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_addr = *ula, .sin6_port = htons(GREET_PORT),
	};

	if (d->greeter < 0)
		d->greeter = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* If it is lost, DNS tells the same a moment later. */
	if (d->greeter >= 0)
		sendto(d->greeter, "", 1, 0, (const struct sockaddr *)&to, sizeof(to));
}

void daemon_peers_greet(struct daemon *d, const struct in6_addr *ula)
{
	struct ike_walk w = { 0 };
	struct ike_status s;

	while (ike_manager_next(d->ike, &w, daemon_now(d), &s)) {
		if (s.children && (!ula || IN6_ARE_ADDR_EQUAL(&s.ula, ula)))
			greet(d, &s.ula);
	}
}

/*
 * Where the kernel has seen a peer last may be an opening that its NAT had made for the
 * address that we have left. What it has published is open to all. But that may be of before
 * a move of its own that no server could tell of, so it hears of us at both; whatever it
 * answers from counts again.
 */
void daemon_peers_moved(struct daemon *d)
{
	const struct peers *all = subscribe_peers(d->subscribe);
	struct tunnel_endpoint to;
	struct tunnel_peer p;
	struct peers_walk w = { 0 };
	struct peers_status s;

	daemon_peers_greet(d, NULL);
	while (peers_next(all, &w, &s)) {
		if (!s.told || tunnel_peer(d->tunnel, &s.ula, &p) || !p.learnt)
			continue;
		to = (struct tunnel_endpoint){ .addr = s.outer, .port = s.port };
		if (to.port == p.endpoint.port && to.addr.len == p.endpoint.addr.len &&
		    !memcmp(to.addr.b, p.endpoint.addr.b, to.addr.len))
			continue;
		if (!tunnel_peer_move(d->tunnel, &s.ula, &to))
			daemon_peers_greet(d, &s.ula);
	}
}
