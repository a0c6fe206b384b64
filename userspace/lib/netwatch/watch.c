// SPDX-License-Identifier: GPL-2.0-or-later
#include "netwatch_int.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../netlink/attr.h"
#include "../netlink/message.h"

#define ANSWER_WAIT	5000	/* ms; the kernel answers at once, unless the answer got lost */
#define RETRY_FIRST	100	/* ms, doubling */
#define RETRY_LAST	30000

struct netwatch *netwatch_new(void)
{
	struct netwatch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->links = (struct table){ .size = sizeof(struct raw_link), .max = NETWATCH_MAX };
	w->addrs = (struct table){ .size = sizeof(struct raw_addr), .max = NETWATCH_MAX };
	w->routes = (struct table){ .size = sizeof(struct raw_route), .max = ROUTES_MAX };
	w->stale = DUMP_ALL;
	return w;
}

void netwatch_free(struct netwatch *w)
{
	if (!w)
		return;
	free(w->links.items);
	free(w->addrs.items);
	free(w->routes.items);
	picture_free(&w->told);
	picture_free(&w->next);
	free(w);
}

static void changed(struct netwatch *w, uint64_t now)
{
	if (!w->dirty)
		w->first_change = now;
	w->dirty = true;
	w->last_change = now;
}

/* The dump that is under way has failed, and is tried again. */
static void ask_again(struct netwatch *w, uint64_t now)
{
	uint64_t wait = (uint64_t)RETRY_FIRST << w->failures;

	if (wait > RETRY_LAST)
		wait = RETRY_LAST;
	else
		w->failures++;
	w->stale |= w->asked;
	w->asked = 0;
	w->not_before = now + wait;
}

static size_t write_request(const struct netwatch *w, uint8_t out[NETWATCH_REQUEST])
{
	struct nlmsghdr nlh = { .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = w->seq };
	struct nl_writer wr = { .buf = out, .size = NETWATCH_REQUEST };
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct ifaddrmsg addr = { .ifa_family = AF_UNSPEC };
	struct rtmsg route = { .rtm_table = RT_TABLE_UNSPEC };

	memcpy(nl_reserve(&wr, sizeof(nlh)), &nlh, sizeof(nlh));
	switch (w->asked) {
	case DUMP_LINKS:
		nlh.nlmsg_type = RTM_GETLINK;
		memcpy(nl_reserve(&wr, sizeof(link)), &link, sizeof(link));
		nl_put_u32(&wr, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		break;
	case DUMP_ADDRS:
		nlh.nlmsg_type = RTM_GETADDR;
		memcpy(nl_reserve(&wr, sizeof(addr)), &addr, sizeof(addr));
		break;
	default:
		/* Of all tables: a filter for one makes some kernels refuse when there
		 * is no such table yet.
		 */
		nlh.nlmsg_type = RTM_GETROUTE;
		route.rtm_family = w->asked == DUMP_ROUTES4 ? AF_INET : AF_INET6;
		memcpy(nl_reserve(&wr, sizeof(route)), &route, sizeof(route));
		break;
	}
	nlh.nlmsg_len = (uint32_t)wr.len;
	memcpy(out, &nlh, sizeof(nlh));
	return wr.len;
}

size_t netwatch_output(struct netwatch *w, uint64_t now, uint8_t out[NETWATCH_REQUEST])
{
	if (w->asked && now >= w->asked_until)
		ask_again(w, now);
	if (w->asked || !w->stale || now < w->not_before)
		return 0;

	/* The least bit: one at a time, and what others refer to first */
	w->asked = w->stale & -w->stale;
	w->stale &= ~w->asked;
	w->asked_until = now + ANSWER_WAIT;
	w->interrupted = false;
	w->seq++;
	unsee(w, (enum dump)w->asked);
	return write_request(w, out);
}

static bool due(const struct netwatch *w, uint64_t *when)
{
	uint64_t latest = w->first_change + NETWATCH_LATEST;

	if (!w->dirty || w->have != DUMP_ALL)
		return false;
	*when = w->last_change + NETWATCH_QUIET;
	/* The first picture, or one that is about to be completed */
	if (!w->told.links && !w->asked && !w->stale)
		*when = w->first_change;
	else if (*when > latest || w->asked || w->stale)
		*when = latest;
	return true;
}

uint64_t netwatch_deadline(const struct netwatch *w)
{
	uint64_t at = UINT64_MAX, when;

	if (w->asked)
		at = w->asked_until;
	else if (w->stale)
		at = w->not_before;
	if (due(w, &when) && when < at)
		at = when;
	return at;
}

/* The end of what was asked for, or that it is not to be had. */
static void outcome(struct netwatch *w, uint64_t now, const struct nlmsghdr *nlh,
		    const uint8_t *payload, size_t len)
{
	unsigned int asked = w->asked;
	struct nl_outcome o;

	if (!asked || nlh->nlmsg_seq != w->seq)
		return;
	if (nl_outcome_read(&o, nlh, payload, len))
		o.err = -EBADMSG;
	if (!o.err && nlh->nlmsg_type == NLMSG_ERROR)
		return;
	if (o.err || w->interrupted || nlh->nlmsg_flags & NLM_F_DUMP_INTR) {
		w->error = o.err;
		ask_again(w, now);
		return;
	}

	w->error = 0;
	w->failures = 0;
	w->asked = 0;
	if (sweep(w, (enum dump)asked) || (w->have | asked) != w->have)
		changed(w, now);
	w->have |= asked;
}

int netwatch_input(struct netwatch *w, uint64_t now, const uint8_t *buf, size_t len)
{
	const uint8_t *payload;
	struct nlmsghdr nlh;
	bool any = false, bad;
	int err = 0;

	while (nl_message_next(&buf, &len, &nlh, &payload, &bad)) {
		size_t n = nlh.nlmsg_len - sizeof(nlh);

		if (nlh.nlmsg_type == NLMSG_ERROR || nlh.nlmsg_type == NLMSG_DONE) {
			outcome(w, now, &nlh, payload, n);
			continue;
		}
		if (w->asked && nlh.nlmsg_seq == w->seq && nlh.nlmsg_flags & NLM_F_MULTI &&
		    nlh.nlmsg_flags & NLM_F_DUMP_INTR)
			w->interrupted = true;
		if (parse_message(w, &nlh, payload, n, &any))
			err = -EBADMSG;
	}
	if (any)
		changed(w, now);
	if (bad) {
		/* What else was in it? Not to be asked for ever and ever, though. */
		w->asked = DUMP_ALL;
		ask_again(w, now);
		err = -EBADMSG;
	}
	return err;
}

void netwatch_overrun(struct netwatch *w, uint64_t now)
{
	/* The answer that was awaited may be among what is lost. Its rest, if not, is
	 * of use, but its end is not: the number is another one.
	 */
	w->stale = DUMP_ALL;
	w->asked = 0;
	/* Who floods us shall not make us ask as fast. */
	if (w->not_before < now + NETWATCH_QUIET)
		w->not_before = now + NETWATCH_QUIET;
}

/*
 * A new way out is worth its haste: who has moved is looked for. Once; if more comes soon
 * after, it waits as ever.
 */
static bool may_hurry(const struct netwatch *w, uint64_t now)
{
	return w->dirty && w->hopeful && w->have == DUMP_ALL && w->told.links && !w->asked &&
	       !w->stale && now >= w->calm_until;
}

size_t netwatch_tell(struct netwatch *w, uint64_t now, netwatch_event_fn fn, void *arg)
{
	struct picture old;
	uint64_t when;
	bool is_due = due(w, &when) && now >= when;
	size_t n;

	if (!is_due && !may_hurry(w, now))
		return 0;
	if (!picture_make(w)) {
		/* Later, then. */
		w->partial = true;
		changed(w, now);
		w->first_change = now;
		return 0;
	}
	w->hopeful = false;
	if (!is_due) {
		if (!picture_new_way(&w->told.view, &w->next.view))
			return 0;
		w->calm_until = now + NETWATCH_LATEST;
	}
	w->dirty = false;
	old = w->told;
	w->told = w->next;
	w->told.view.gateways = w->told.gateways;
	memset(&w->next, 0, sizeof(w->next));
	old.view.gateways = old.gateways;
	n = picture_diff(&old.view, &w->told.view, fn, arg);
	picture_free(&old);
	return n;
}

const struct netwatch_picture *netwatch_picture(const struct netwatch *w)
{
	return &w->told.view;
}

bool netwatch_is_ready(const struct netwatch *w)
{
	return w->have == DUMP_ALL;
}

bool netwatch_is_partial(const struct netwatch *w)
{
	return w->partial;
}

int netwatch_error(const struct netwatch *w)
{
	return w->error;
}

size_t netwatch_identity_links(const struct netwatch *w, struct identity_link *out,
			       size_t max)
{
	size_t i, n = 0;

	for (i = 0; i < w->links.n && n < max; i++) {
		const struct raw_link *l = table_at(&w->links, struct raw_link, i);

		if (!(l->flags & IFF_LOOPBACK) && !is_tunnel(l))
			out[n++] = l->id;
	}
	return n;
}
