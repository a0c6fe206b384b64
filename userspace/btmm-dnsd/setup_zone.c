// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>

#include "../lib/dns/name.h"
#include "setup.h"

/* What RFC 8764, RFC 6281 and their successors look for in a zone. */
const struct setup_service setup_services[] = {
	{ "_dns-llq._udp", 53 },
	{ "_dns-update._udp", 53 },
	{ "_dns-query-tls._tcp", 853 },
	{ "_dns-update-tls._tcp", 853 },
	{ "_dns-llq-tls._tcp", 853 },
	{ "_dns-push-tls._tcp", 853 },
};

const size_t n_setup_services = sizeof(setup_services) / sizeof(*setup_services);

/* The refresh is the fallback for lost NOTIFYs, and costs little on loopback. */
#define SOA_TIMERS	"300 60 1209600 60"

/* RFC 6763 11: services are to be looked for, and registered, in the zone itself. */
static const char *const browse[] = { "b", "db", "r", "dr", "lb" };

void setup_zone_text(const struct setup *su, uint32_t serial, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	size_t i;

	buf_add(out,
		"$ORIGIN %s.\n"
		"$TTL 3600\n"
		"@ IN SOA %s. hostmaster.%s. %u " SOA_TIMERS "\n"
		"@ IN NS %s.\n", su->domain, su->hostname, su->domain, serial, su->hostname);
	for (i = 0; i < n_setup_services; i++)
		buf_add(out, "%s IN SRV 0 0 %u %s.\n", setup_services[i].name,
			setup_services[i].port, su->hostname);
	for (i = 0; i < sizeof(browse) / sizeof(*browse); i++)
		buf_add(out, "%s._dns-sd._udp IN PTR @\n", browse[i]);

	if (!dname_within(su->host, su->apex))
		return;
	for (i = 0; i < su->n_addrs; i++) {
		const struct net_addr *a = &su->addrs[i];

		if (net_is_v4(a))
			inet_ntop(AF_INET, &a->ip.s6_addr[12], text, sizeof(text));
		else
			inet_ntop(AF_INET6, &a->ip, text, sizeof(text));
		buf_add(out, "%s. IN %s %s\n", su->hostname, net_is_v4(a) ? "A" : "AAAA", text);
	}
}
