// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How many streams each address has. IPv6: each /64, since that is what one host
 * can choose from at will.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../lib/dns/siphash.h"
#include "transport_int.h"

#define BUCKETS	4096

struct peer {
	struct peer *next;
	struct in6_addr ip;
	unsigned int streams;
};

struct peers {
	uint8_t key[16];	/* strangers choose their addresses */
	struct peer *buckets[BUCKETS];
};

struct peers *peers_new(void)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (p && getrandom(p->key, sizeof(p->key), 0) != sizeof(p->key)) {
		free(p);
		return NULL;
	}
	return p;
}

void peers_free(struct peers *p)
{
	size_t i;

	if (!p)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while (p->buckets[i]) {
			struct peer *who = p->buckets[i];

			p->buckets[i] = who->next;
			free(who);
		}
	}
	free(p);
}

static struct peer **bucket(struct peers *p, const struct in6_addr *ip)
{
	return &p->buckets[siphash24(p->key, ip->s6_addr, 16) % BUCKETS];
}

struct peer *peers_take(struct peers *p, const struct net_addr *addr, unsigned int limit)
{
	struct in6_addr ip = addr->ip;
	struct peer **head, *who;

	if (!net_is_v4(addr))
		memset(&ip.s6_addr[8], 0, 8);

	head = bucket(p, &ip);
	for (who = *head; who; who = who->next) {
		if (IN6_ARE_ADDR_EQUAL(&who->ip, &ip))
			break;
	}
	if (who) {
		if (who->streams >= limit)
			return NULL;
		who->streams++;
		return who;
	}

	if (!limit)
		return NULL;
	who = malloc(sizeof(*who));
	if (!who)
		return NULL;
	who->ip = ip;
	who->streams = 1;
	who->next = *head;
	*head = who;
	return who;
}

void peers_drop(struct peers *p, struct peer *who)
{
	struct peer **at;

	if (--who->streams)
		return;

	at = bucket(p, &who->ip);
	while (*at != who)
		at = &(*at)->next;
	*at = who->next;
	free(who);
}
