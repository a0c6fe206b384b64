// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A kernel that says anything: libFuzzer target for the network watcher. What the
 * picture has must be sorted, bounded and in itself consistent, and what is told must be
 * the difference.
 *
 * The input is a list: what to do, two octets of length or time, octets.
 */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../lib/netwatch/netwatch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

struct count {
	enum netwatch_what last;
	size_t links, addrs, gateways;		/* as they should be */
};

static void count(void *arg, const struct netwatch_event *e)
{
	struct count *c = arg;

	/* In order, but for a gateway that is new or changed */
	must(e->what >= c->last || (c->last == NETWATCH_GATEWAY_CHANGED &&
				    e->what == NETWATCH_GATEWAY_NEW));
	c->last = e->what;
	c->links += (e->what == NETWATCH_LINK_NEW) - (e->what == NETWATCH_LINK_GONE);
	c->addrs += (e->what == NETWATCH_ADDR_NEW) - (e->what == NETWATCH_ADDR_GONE);
	c->gateways += (e->what == NETWATCH_GATEWAY_NEW) - (e->what == NETWATCH_GATEWAY_GONE);
}

static bool has_link(const struct netwatch_picture *p, uint32_t index)
{
	size_t i;

	for (i = 0; i < p->n_links; i++) {
		if (p->links[i].index == index)
			return true;
	}
	return false;
}

static void check(const struct netwatch *w)
{
	const struct netwatch_picture *p = netwatch_picture(w);
	size_t i;

	must(p->n_gateways <= NETWATCH_GATEWAYS && p->n_links <= NETWATCH_MAX);
	for (i = 0; i < p->n_links; i++) {
		must(!i || p->links[i - 1].index < p->links[i].index);
		must(memchr(p->links[i].name, 0, sizeof(p->links[i].name)));
	}
	for (i = 0; i < p->n_addrs; i++) {
		must(p->addrs[i].ip.len == 4 || p->addrs[i].ip.len == 16);
		must(has_link(p, p->addrs[i].index));
	}
	for (i = 0; i < p->n_gateways; i++) {
		const struct netwatch_gateway *g = &p->gateways[i];

		must(has_link(p, g->index) && (g->family == AF_INET || g->family == AF_INET6));
		must(!i || p->gateways[i - 1].family == g->family ||
		     g->family == AF_INET6);
	}
	must(!p->outer4.ip.len || has_link(p, p->outer4.index));
	must(!p->outer6.ip.len || has_link(p, p->outer6.index));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[NETWATCH_REQUEST];
	struct netwatch *w = netwatch_new();
	struct count c = { 0 };
	uint64_t now = 1000;
	uint32_t seq = 0;

	must(w);
	while (size >= 3) {
		uint8_t op = data[0];
		size_t n = (size_t)data[1] << 8 | data[2];

		data += 3;
		size -= 3;
		switch (op & 3) {
		case 0:
			now += n;
			break;
		case 1:
			netwatch_overrun(w, now);
			break;
		case 2: {
			struct nlmsghdr end = {
				.nlmsg_len = sizeof(end), .nlmsg_type = NLMSG_DONE,
				.nlmsg_seq = seq,
			};

			must(!netwatch_input(w, now, (const uint8_t *)&end, sizeof(end)));
			break;
		}
		case 3: {
			uint8_t *exact;

			if (n > size)
				n = size;
			exact = malloc(n ? n : 1);
			must(exact);
			memcpy(exact, data, n);
			netwatch_input(w, now, exact, n);
			free(exact);
			data += n;
			size -= n;
			break;
		}
		}
		if (netwatch_output(w, now, out))
			memcpy(&seq, out + 8, sizeof(seq));
		must(!netwatch_output(w, now, out));
		c.last = 0;
		if (netwatch_tell(w, now, count, &c)) {
			check(w);
			must(netwatch_picture(w)->n_links == c.links);
			must(netwatch_picture(w)->n_addrs == c.addrs);
			must(netwatch_picture(w)->n_gateways == c.gateways);
		}
		must(!netwatch_is_ready(w) || netwatch_deadline(w) >= now ||
		     netwatch_deadline(w) == UINT64_MAX);
	}
	netwatch_free(w);
	return 0;
}
