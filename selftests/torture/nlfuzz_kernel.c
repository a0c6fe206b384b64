// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's side: sockets, the devices that may be ruined, and where its code has been.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/autotunnel.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/kcov.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "nlfuzz.h"

#define KCOV_WORDS	(64 << 10)
#define ANSWER_MAX	(64 << 10)

/* What would move a device to where it is not found again. */
static const uint16_t forbidden[] = { IFLA_NET_NS_PID, IFLA_NET_NS_FD, IFLA_TARGET_NETNSID };

static int route_fd, genl_fd;
static uint16_t family;
static uint32_t sequence;
static int slots[SLOTS];
static unsigned long links;
static unsigned long *cover;
static uint8_t answer[ANSWER_MAX] __attribute__((aligned(8)));

static void die(const char *what)
{
	fprintf(stderr, "nlfuzz: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int open_socket(int proto)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	const int opts[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK };
	struct timeval wait = { .tv_sec = 5 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, proto), on = 1;
	size_t i;

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)))
		die("netlink socket");
	for (i = 0; i < sizeof(opts) / sizeof(opts[0]); i++)
		setsockopt(fd, SOL_NETLINK, opts[i], &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return fd;
}

/* --- messages of our own, which must succeed ------------------------------------------- */

struct request {
	union {
		struct nlmsghdr nlh;
		uint8_t octets[1024];
	};
};

static void *request_start(struct request *q, uint16_t type, uint16_t flags, size_t fixed)
{
	memset(q, 0, sizeof(*q));
	q->nlh.nlmsg_type = type;
	q->nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	q->nlh.nlmsg_len = NLMSG_HDRLEN + fixed;
	return NLMSG_DATA(&q->nlh);
}

static struct nlattr *put(struct request *q, uint16_t type, const void *data, size_t len)
{
	struct nlattr *nla = (struct nlattr *)(q->octets + NLMSG_ALIGN(q->nlh.nlmsg_len));

	nla->nla_type = type;
	nla->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy(nla + 1, data, len);
	q->nlh.nlmsg_len = NLMSG_ALIGN(q->nlh.nlmsg_len) + NLA_ALIGN(nla->nla_len);
	return nla;
}

static void put_end(struct request *q, struct nlattr *nest)
{
	nest->nla_len = q->octets + q->nlh.nlmsg_len - (uint8_t *)nest;
}

static int ask(int fd, struct request *q)
{
	const struct nlmsghdr *nlh = (struct nlmsghdr *)answer;
	ssize_t n;

	q->nlh.nlmsg_seq = ++sequence;
	if (send(fd, q, q->nlh.nlmsg_len, 0) < 0)
		die("send");
	for (;;) {
		n = recv(fd, answer, sizeof(answer), 0);
		if (n < 0)
			die("no answer");
		if (nlh->nlmsg_seq != sequence)
			continue;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return -((const struct nlmsgerr *)NLMSG_DATA(nlh))->error;
		if (q->nlh.nlmsg_type == GENL_ID_CTRL)
			return 0;
	}
}

static const struct nlattr *find(const void *attrs, size_t len, uint16_t type)
{
	const struct nlattr *nla = attrs;

	while (len >= NLA_HDRLEN && nla->nla_len >= NLA_HDRLEN && nla->nla_len <= len) {
		if ((nla->nla_type & NLA_TYPE_MASK) == type)
			return nla;
		if ((size_t)NLA_ALIGN(nla->nla_len) >= len)
			break;
		len -= NLA_ALIGN(nla->nla_len);
		nla = (const struct nlattr *)((const uint8_t *)nla + NLA_ALIGN(nla->nla_len));
	}
	return NULL;
}

static void find_family(void)
{
	const struct nlmsghdr *nlh = (struct nlmsghdr *)answer;
	const struct nlattr *id;
	struct genlmsghdr *genl;
	struct request q;

	genl = request_start(&q, GENL_ID_CTRL, 0, GENL_HDRLEN);
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	put(&q, CTRL_ATTR_FAMILY_NAME, AUTOTUNNEL_GENL_NAME, sizeof(AUTOTUNNEL_GENL_NAME));
	errno = ask(genl_fd, &q);
	if (errno)
		die("no family autotunnel");
	id = find((uint8_t *)NLMSG_DATA(nlh) + GENL_HDRLEN, nlh->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN,
		  CTRL_ATTR_FAMILY_ID);
	if (!id)
		die("a family without a number");
	memcpy(&family, id + 1, sizeof(family));
}

unsigned int kernel_family(void)
{
	return family;
}

/* --- devices ------------------------------------------------------------------------------ */

static bool is_ours(const struct nlmsghdr *nlh)
{
	const size_t fixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));
	const struct nlattr *info, *kind;

	info = find((const uint8_t *)nlh + fixed, nlh->nlmsg_len - fixed, IFLA_LINKINFO);
	if (!info)
		return false;
	kind = find(info + 1, info->nla_len - NLA_HDRLEN, IFLA_INFO_KIND);
	return kind && !strncmp((const char *)(kind + 1), "autotunnel", kind->nla_len - NLA_HDRLEN);
}

/* Their names may have been changed: by number. */
static size_t list_links(int *indices, size_t max)
{
	struct request q;
	struct nlmsghdr *nlh;
	size_t n = 0;
	ssize_t len;

	request_start(&q, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	q.nlh.nlmsg_seq = ++sequence;
	if (send(route_fd, &q, q.nlh.nlmsg_len, 0) < 0)
		die("send");
	for (;;) {
		len = recv(route_fd, answer, sizeof(answer), 0);
		if (len < 0)
			die("no list of links");
		for (nlh = (struct nlmsghdr *)answer; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_seq != sequence)
				continue;
			if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
				return n;
			if (n < max && is_ours(nlh))
				indices[n++] = ((struct ifinfomsg *)NLMSG_DATA(nlh))->ifi_index;
		}
	}
}

/* Nothing of ours is left. */
void kernel_clean(void)
{
	struct ifinfomsg *ifi;
	struct request q;
	int indices[256];
	size_t n, i;

	do {
		n = list_links(indices, 256);
		for (i = 0; i < n; i++) {
			ifi = request_start(&q, RTM_DELLINK, 0, sizeof(*ifi));
			ifi->ifi_index = indices[i];
			errno = ask(route_fd, &q);
			if (errno)
				die("a device cannot be deleted");
			links++;
		}
	} while (n);
}

static void make_link(unsigned int slot)
{
	uint8_t local[16] = { 0xfd, 0, 0, 0xf, [15] = slot + 1 };
	uint16_t port = __builtin_bswap16(4500 + slot);
	char name[IF_NAMESIZE];
	struct nlattr *info, *data;
	struct ifinfomsg *ifi;
	struct request q;

	snprintf(name, sizeof(name), "slot%u", slot);
	ifi = request_start(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*ifi));
	ifi->ifi_flags = ifi->ifi_change = slot ? 0 : IFF_UP;
	put(&q, IFLA_IFNAME, name, strlen(name) + 1);
	info = put(&q, IFLA_LINKINFO | NLA_F_NESTED, NULL, 0);
	put(&q, IFLA_INFO_KIND, "autotunnel", sizeof("autotunnel"));
	data = put(&q, IFLA_INFO_DATA | NLA_F_NESTED, NULL, 0);
	put(&q, IFLA_AUTOTUNNEL_LOCAL, local, sizeof(local));
	put(&q, IFLA_AUTOTUNNEL_PORT, &port, sizeof(port));
	put_end(&q, data);
	put_end(&q, info);
	errno = ask(route_fd, &q);
	if (errno)
		die("a device cannot be made");
	slots[slot] = if_nametoindex(name);
	if (!slots[slot])
		die(name);
}

/* As at the start: two devices, nothing else of ours. */
void kernel_reset(void)
{
	unsigned int i;

	kernel_clean();
	for (i = 0; i < SLOTS; i++)
		make_link(i);
}

unsigned long kernel_links(void)
{
	return links;
}

/* --- messages under test --------------------------------------------------------------------- */

static uint32_t hash_text(const char *p, size_t n)
{
	uint32_t h = 2166136261u;

	while (n--)
		h = (h ^ (uint8_t)*p++) * 16777619u;
	return h ?: 1;
}

static struct result read_error(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = NLMSG_DATA(nlh);
	size_t skip = NLMSG_HDRLEN + sizeof(*e);
	struct result r = { .err = -e->error };
	const struct nlattr *text;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return r;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
	if (nlh->nlmsg_len <= skip)
		return r;
	text = find((const uint8_t *)nlh + skip, nlh->nlmsg_len - skip, NLMSGERR_ATTR_MSG);
	if (text)
		r.text = hash_text((const char *)(text + 1), text->nla_len - NLA_HDRLEN);
	return r;
}

static int real_index(uint32_t number)
{
	if (number >= 1 && number <= SLOTS)
		return slots[number - 1];
	/* None that there is: the wires stay where they are. */
	return number ? (number & 0x0fffffff) | 0x10000000 : 0;
}

static void fill_in(struct nlmsghdr *nlh, uint8_t proto)
{
	size_t fixed = NLMSG_HDRLEN + (proto == NETLINK_GENERIC ? (size_t)GENL_HDRLEN : sizeof(struct ifinfomsg));
	struct nlattr *nla = (struct nlattr *)((uint8_t *)nlh + fixed);
	struct ifinfomsg *ifi = NLMSG_DATA(nlh);
	size_t len = nlh->nlmsg_len - fixed, i;
	uint32_t index;

	if (proto == NETLINK_GENERIC) {
		nlh->nlmsg_type = family;
		nla = (struct nlattr *)find(nla, len, AUTOTUNNEL_A_IFINDEX);
		if (nla && nla->nla_len >= NLA_HDRLEN + 4) {
			memcpy(&index, nla + 1, 4);
			index = real_index(index);
			memcpy(nla + 1, &index, 4);
		}
		return;
	}
	ifi->ifi_index = real_index(ifi->ifi_index);
	while (len >= NLA_HDRLEN && nla->nla_len >= NLA_HDRLEN && nla->nla_len <= len) {
		for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
			if ((nla->nla_type & NLA_TYPE_MASK) == forbidden[i])
				nla->nla_type = IFLA_UNSPEC;
		}
		if ((size_t)NLA_ALIGN(nla->nla_len) >= len)
			break;
		len -= NLA_ALIGN(nla->nla_len);
		nla = (struct nlattr *)((uint8_t *)nla + NLA_ALIGN(nla->nla_len));
	}
}

/* Sends it and reads what comes back, as far as it comes at once. */
struct result kernel_send(const struct rec *rec)
{
	static union {
		struct nlmsghdr nlh;
		uint8_t octets[MSG_MAX];
	} msg;
	struct result r = { .err = -1 };
	int fd = rec->proto == NETLINK_GENERIC ? genl_fd : route_fd, reads;
	struct nlmsghdr *nlh;
	ssize_t len;

	memcpy(&msg, rec + 1, rec->len);
	msg.nlh.nlmsg_len = rec->len;
	fill_in(&msg.nlh, rec->proto);
	msg.nlh.nlmsg_flags |= NLM_F_REQUEST | (msg.nlh.nlmsg_flags & NLM_F_DUMP ? 0 : NLM_F_ACK);
	msg.nlh.nlmsg_seq = ++sequence;
	msg.nlh.nlmsg_pid = 0;
	if (send(fd, &msg, rec->len, 0) < 0) {
		r.err = errno;
		return r;
	}
	/* A dump goes on while it is read. */
	for (reads = 0; reads < 64; reads++) {
		len = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
		if (len < 0)
			break;
		for (nlh = (struct nlmsghdr *)answer; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_seq != sequence)
				continue;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				r = read_error(nlh);
			else if (nlh->nlmsg_type == NLMSG_DONE)
				r.err = -*(int *)NLMSG_DATA(nlh);
		}
	}
	return r;
}

/* --- coverage ----------------------------------------------------------------------------------- */

void kernel_open(bool want_kcov)
{
	int fd;

	route_fd = open_socket(NETLINK_ROUTE);
	genl_fd = open_socket(NETLINK_GENERIC);
	find_family();
	if (!want_kcov)
		return;
	fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, KCOV_WORDS))
		die("kcov");
	cover = mmap(NULL, KCOV_WORDS * sizeof(*cover), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cover == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		die("kcov");
}

bool kernel_has_kcov(void)
{
	return cover;
}

void kcov_begin(void)
{
	if (cover)
		__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
}

/* Adds the edges since kcov_begin() to @map. Return: was there a new one? */
bool kcov_end(uint8_t *map, size_t bits)
{
	unsigned long n, i, previous = 0, edge;
	bool fresh = false;

	if (!cover)
		return false;
	n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < KCOV_WORDS; i++) {
		edge = ((cover[i] ^ previous >> 1) * 0x9e3779b97f4a7c15ul >> 20) % bits;
		previous = cover[i];
		if (!(map[edge / 8] & 1 << edge % 8)) {
			map[edge / 8] |= 1 << edge % 8;
			fresh = true;
		}
	}
	return fresh;
}
