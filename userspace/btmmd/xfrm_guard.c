// SPDX-License-Identifier: GPL-2.0-or-later
#include "xfrm_guard.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../lib/netlink/message.h"

#define RECEIVE		65536
#define PATIENCE	2		/* s for the kernel */

struct xfrm_guard {
	sd_event *event;
	sd_event_source *io;
	int fd;				/* of events */
	char device[IFNAMSIZ];
	const struct xfrm_guard_ops *ops;
	void *arg;
	bool nft;			/* the kernel has tables, as far as we know */
	bool settled;			/* all peers are in @ulas */
	struct in6_addr own;		/* :: as long as it is not known */
	struct in6_addr *ulas;
	size_t n;
	uint8_t buf[RECEIVE];
};

/* --- requests --- */

typedef int (*guard_message_fn)(const uint8_t *payload, size_t len, void *arg);

static int nl_open(int protocol)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), room = 1 << 20;

	if (fd < 0)
		return -errno;
	/* Both are wishes. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static ssize_t nl_receive(struct xfrm_guard *g, int fd, int flags)
{
	struct sockaddr_nl from = { 0 };
	socklen_t len;
	ssize_t n;

	do {
		len = sizeof(from);
		n = recvfrom(fd, g->buf, sizeof(g->buf), flags, (struct sockaddr *)&from, &len);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid));
	return n < 0 ? -errno : n;
}

/* One datagram of answers. 1: it held the last one. */
static int nl_answers(const uint8_t *p, size_t left, uint32_t last, guard_message_fn fn, void *arg)
{
	const uint8_t *payload;
	struct nl_outcome o;
	struct nlmsghdr nlh;
	bool bad;

	while (nl_message_next(&p, &left, &nlh, &payload, &bad)) {
		size_t len = nlh.nlmsg_len - sizeof(nlh);
		int ret;

		if (nlh.nlmsg_type == NLMSG_ERROR || nlh.nlmsg_type == NLMSG_DONE) {
			ret = nl_outcome_read(&o, &nlh, payload, len);
			if (ret || o.err)
				return ret ? ret : o.err;
			if (nlh.nlmsg_seq == last)
				return 1;
			continue;
		}
		ret = fn ? fn(payload, len, arg) : 0;
		if (ret)
			return ret;
	}
	return bad ? -EBADMSG : 0;
}

/*
 * A socket of its own for each: what is left of an answer that was not what it should
 * be cannot be taken for the next one's. @last: the message whose answer ends it.
 */
static int request(struct xfrm_guard *g, int protocol, const struct guard_writer *w, uint32_t last,
		   guard_message_fn fn, void *arg)
{
	ssize_t n;
	int fd, ret;

	if (w->w.failed)
		return -EMSGSIZE;
	fd = nl_open(protocol);
	if (fd < 0)
		return fd;
	do {
		n = send(fd, w->w.buf, w->w.len, 0);
	} while (n < 0 && errno == EINTR);
	ret = n < 0 ? -errno : 0;
	while (!ret) {
		n = nl_receive(g, fd, 0);
		ret = n < 0 ? (int)n : nl_answers(g->buf, (size_t)n, last, fn, arg);
	}
	close(fd);
	return ret > 0 ? 0 : ret;
}

static int request_xfrm(struct xfrm_guard *g, const struct guard_writer *w)
{
	return request(g, NETLINK_XFRM, w, w->seq, NULL, NULL);
}

/* The end of a transaction is not acknowledged; what stands before it is. */
static int request_nft(struct xfrm_guard *g, const struct guard_writer *w)
{
	return request(g, NETLINK_NETFILTER, w, w->seq - 1, NULL, NULL);
}

/* --- the guard --- */

static void trouble(struct xfrm_guard *g, int err, const char *what)
{
	char text[200];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(-err));
	g->ops->trouble(g->arg, err, text);
}

static int policies(struct xfrm_guard *g, bool add, const struct in6_addr *ula)
{
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer w = { .w = { .buf = buf, .size = sizeof(buf) } };

	guard_policies(&w, add, ula);
	return request_xfrm(g, &w);
}

/* The whole table anew. */
static void make_table(struct xfrm_guard *g)
{
	size_t size = GUARD_TABLE_SIZE(g->n);
	struct guard_writer w = { .w = { .buf = malloc(size), .size = size } };
	int ret = -ENOMEM;

	if (w.w.buf) {
		guard_nft_table(&w, g->device, g->ulas, g->n);
		ret = request_nft(g, &w);
	}
	free(w.w.buf);
	g->nft = !ret;
	if (ret)
		trouble(g, ret, "peers' addresses are not filtered on other interfaces");
}

static int element(struct xfrm_guard *g, bool add, const struct in6_addr *ula)
{
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer w = { .w = { .buf = buf, .size = sizeof(buf) } };

	guard_nft_peer(&w, add, ula);
	return request_nft(g, &w);
}

static size_t find(const struct xfrm_guard *g, const struct in6_addr *ula)
{
	size_t i;

	for (i = 0; i < g->n && !IN6_ARE_ADDR_EQUAL(&g->ulas[i], ula); i++)
		;
	return i;
}

int xfrm_guard_add(struct xfrm_guard *g, const struct in6_addr *ula)
{
	struct in6_addr *ulas;
	int ret;

	ret = policies(g, true, ula);
	if (ret)
		return ret;
	if (find(g, ula) < g->n)
		return 0;
	ulas = reallocarray(g->ulas, g->n + 1, sizeof(*ulas));
	if (!ulas)
		return -ENOMEM;
	g->ulas = ulas;
	g->ulas[g->n++] = *ula;
	/* There was none yet, or somebody has taken it away. */
	if (g->nft && element(g, true, ula))
		make_table(g);
	return 0;
}

int xfrm_guard_del(struct xfrm_guard *g, const struct in6_addr *ula)
{
	size_t i = find(g, ula);
	int ret;

	if (i == g->n)
		return 0;
	g->ulas[i] = g->ulas[--g->n];
	if (g->nft && element(g, false, ula))
		make_table(g);
	ret = policies(g, false, ula);
	return ret == -ENOENT ? 0 : ret;
}

/* --- what others have left --- */

#define LEFT_MAX	16384	/* policies of them that are looked at */

struct left {
	const struct xfrm_guard *g;
	struct guard_policy *list;
	size_t n, size;
};

/* btmmd's before us, and those of a charon that died: nobody else will delete them. */
static int take_policy(const uint8_t *payload, size_t len, void *arg)
{
	struct left *all = arg;
	struct guard_policy p;

	if (!guard_policy_read(payload, len, &p) || find(all->g, &p.peer) < all->g->n ||
	    all->n == LEFT_MAX)
		return 0;
	if (!IN6_IS_ADDR_UNSPECIFIED(&p.own) && !IN6_ARE_ADDR_EQUAL(&p.own, &all->g->own))
		return 0;
	if (all->n == all->size) {
		size_t size = all->size ? 2 * all->size : 64;
		struct guard_policy *list = reallocarray(all->list, size, sizeof(*list));

		if (!list)
			return -ENOMEM;
		all->list = list;
		all->size = size;
	}
	all->list[all->n++] = p;
	return 0;
}

static void sweep_policies(struct xfrm_guard *g)
{
	struct left all = { .g = g };
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer w = { .w = { .buf = buf, .size = sizeof(buf) } };
	size_t i;
	int ret;

	guard_policy_dump(&w);
	ret = request(g, NETLINK_XFRM, &w, w.seq, take_policy, &all);
	for (i = 0; i < all.n; i++) {
		int err;

		w = (struct guard_writer){ .w = { .buf = buf, .size = sizeof(buf) } };
		guard_policy_delete(&w, &all.list[i]);
		err = request_xfrm(g, &w);
		/* charon was quicker. */
		if (err && err != -ENOENT)
			ret = err;
	}
	free(all.list);
	if (ret)
		trouble(g, ret, "policies of hosts that are no more are left");
}

void xfrm_guard_own(struct xfrm_guard *g, const struct in6_addr *ula)
{
	g->own = *ula;
}

void xfrm_guard_settled(struct xfrm_guard *g)
{
	g->settled = true;
	make_table(g);
	sweep_policies(g);
}

/* --- SAs --- */

struct sas {
	struct ike_kernel_sa *list;
	size_t n, size;
};

static int take_sa(const uint8_t *payload, size_t len, void *arg)
{
	struct sas *all = arg;
	struct guard_sa sa;

	if (!guard_sa_read(payload, len, &sa) || all->n == IKE_KERNEL_SAS)
		return 0;
	if (all->n == all->size) {
		size_t size = all->size ? 2 * all->size : 64;
		struct ike_kernel_sa *list = reallocarray(all->list, size, sizeof(*list));

		if (!list)
			return -ENOMEM;
		all->list = list;
		all->size = size;
	}
	all->list[all->n++] = (struct ike_kernel_sa){ sa.src, sa.dst, sa.spi };
	return 0;
}

static int read_sas(struct xfrm_guard *g, struct sas *all)
{
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer w = { .w = { .buf = buf, .size = sizeof(buf) } };

	guard_sa_dump(&w);
	return request(g, NETLINK_XFRM, &w, w.seq, take_sa, all);
}

int xfrm_guard_audit(struct xfrm_guard *g, struct ike_manager *m, uint64_t now)
{
	struct sas all = { 0 };
	int ret, err = read_sas(g, &all);

	/* Without the kernel's word there are no orphans, but IKE goes on. */
	ret = ike_manager_kernel_sas(m, all.list, err ? 0 : all.n, now);
	free(all.list);
	/* Peers may have gone while charon was away. */
	if (g->settled)
		sweep_policies(g);
	return err ? err : ret;
}

int xfrm_guard_verify(struct xfrm_guard *g, struct ike_manager *m, uint64_t now)
{
	static const struct ike_kernel_sa none;
	struct sas all = { 0 };
	int err = read_sas(g, &all);
	bool known = !err && all.n < IKE_KERNEL_SAS;

	ike_manager_kernel_has(m, !known ? NULL : all.list ? all.list : &none, all.n, now);
	free(all.list);
	return err;
}

int xfrm_guard_sweep(struct xfrm_guard *g, const struct ike_kernel_sa *sa)
{
	struct guard_sa which = { sa->src, sa->dst, sa->spi };
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer w = { .w = { .buf = buf, .size = sizeof(buf) } };
	int ret;

	guard_sa_delete(&w, &which);
	ret = request_xfrm(g, &w);
	return ret == -ESRCH ? 0 : ret;
}

static void sweep_own_sas(struct xfrm_guard *g)
{
	struct sas all = { 0 };
	size_t i;

	read_sas(g, &all);
	for (i = 0; i < all.n; i++) {
		if (IN6_ARE_ADDR_EQUAL(&all.list[i].src, &g->own) ||
		    IN6_ARE_ADDR_EQUAL(&all.list[i].dst, &g->own))
			xfrm_guard_sweep(g, &all.list[i]);
	}
	free(all.list);
}

void xfrm_guard_remove_all(struct xfrm_guard *g)
{
	uint8_t buf[GUARD_PEER_SIZE];
	struct guard_writer w = { .w = { .buf = buf, .size = sizeof(buf) } };

	g->n = 0;
	if (!IN6_IS_ADDR_UNSPECIFIED(&g->own))
		sweep_own_sas(g);
	sweep_policies(g);
	guard_nft_remove(&w);
	if (g->nft)
		request_nft(g, &w);
	g->nft = false;
}

/* --- events --- */

static void restore(struct xfrm_guard *g)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < g->n && !ret; i++)
		ret = policies(g, true, &g->ulas[i]);
	if (ret)
		trouble(g, ret, "cannot block cleartext to peers");
}

static int on_io(sd_event_source *src, int fd, uint32_t events, void *arg)
{
	struct xfrm_guard *g = arg;
	const uint8_t *payload, *p;
	struct in6_addr peer;
	struct nlmsghdr nlh;
	bool bad, flushed = false;
	size_t left;
	ssize_t n;

	(void)src;
	(void)events;
	n = nl_receive(g, fd, MSG_DONTWAIT);
	/* Too much at a time: a flush may have been among it. */
	if (n == -ENOBUFS)
		restore(g);
	if (n < 0)
		return 0;
	p = g->buf;
	left = (size_t)n;
	while (nl_message_next(&p, &left, &nlh, &payload, &bad)) {
		flushed |= nlh.nlmsg_type == XFRM_MSG_FLUSHPOLICY;
		if (nlh.nlmsg_type == XFRM_MSG_ACQUIRE &&
		    guard_acquire_read(payload, nlh.nlmsg_len - sizeof(nlh), &peer))
			g->ops->acquire(g->arg, &peer);
	}
	if (flushed)
		restore(g);
	return 0;
}

static int listen_to(struct xfrm_guard *g)
{
	static const int groups[] = { XFRMNLGRP_ACQUIRE, XFRMNLGRP_POLICY };
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	size_t i;

	g->fd = nl_open(NETLINK_XFRM);
	if (g->fd < 0)
		return g->fd;
	/* A socket without an address is not told of anything. */
	if (bind(g->fd, (struct sockaddr *)&own, sizeof(own)))
		return -errno;
	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (setsockopt(g->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])))
			return -errno;
	}
	return sd_event_add_io(g->event, &g->io, g->fd, EPOLLIN, on_io, g);
}

int xfrm_guard_new(struct xfrm_guard **out, sd_event *event, const char *device,
		   const struct xfrm_guard_ops *ops, void *arg)
{
	struct xfrm_guard *g;
	int ret;

	if (strlen(device) >= sizeof(g->device))
		return -EINVAL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->event = sd_event_ref(event);
	g->fd = -1;
	strcpy(g->device, device);
	g->ops = ops;
	g->arg = arg;
	ret = listen_to(g);
	if (ret < 0) {
		xfrm_guard_free(g);
		return ret;
	}
	/* Until it is known who the peers are, an earlier one's table is better than none. */
	g->nft = true;
	*out = g;
	return 0;
}

void xfrm_guard_free(struct xfrm_guard *g)
{
	if (!g)
		return;
	sd_event_source_disable_unref(g->io);
	if (g->fd >= 0)
		close(g->fd);
	sd_event_unref(g->event);
	free(g->ulas);
	free(g);
}
