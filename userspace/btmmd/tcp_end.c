// SPDX-License-Identifier: GPL-2.0-or-later
#include "tcp_end.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define AT_ONCE	64	/* connections; if there are more, they are asked for again */
#define BUFFER	8192

#define STATES	(1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_SYN_RECV | \
		 1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2 | 1 << TCP_CLOSE_WAIT | \
		 1 << TCP_LAST_ACK | 1 << TCP_CLOSING)

struct found {
	const struct in6_addr *peer;
	struct inet_diag_sockid ids[AT_ONCE];
	size_t n;
	bool more;
};

static int collect(const struct nlmsghdr *nlh, void *arg)
{
	struct inet_diag_msg m;
	struct found *f = arg;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(m))
		return MNL_CB_ERROR;
	memcpy(&m, mnl_nlmsg_get_payload(nlh), sizeof(m));
	if (m.idiag_family != AF_INET6 || memcmp(m.id.idiag_dst, f->peer, sizeof(*f->peer)))
		return MNL_CB_OK;
	if (f->n < AT_ONCE)
		f->ids[f->n++] = m.id;
	else
		f->more = true;
	return MNL_CB_OK;
}

static struct inet_diag_req_v2 *request(uint8_t *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = (uint32_t)time(NULL);
	req->sdiag_family = AF_INET6;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = STATES;
	return req;
}

/* Sends what is in @buf, and hands what comes to @fn. Negative errno. */
static int talk(struct mnl_socket *nl, uint8_t *buf, mnl_cb_t fn, void *arg)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	uint32_t seq = nlh->nlmsg_seq, port = mnl_socket_get_portid(nl);
	ssize_t n;
	int ret = MNL_CB_OK;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (ret > MNL_CB_STOP) {
		n = mnl_socket_recvfrom(nl, buf, BUFFER);
		ret = n < 0 ? MNL_CB_ERROR : mnl_cb_run(buf, (size_t)n, seq, port, fn, arg);
	}
	return ret < 0 ? -errno : 0;
}

/* The kernel looks for them: a server may have many others. */
static void put_filter(struct nlmsghdr *nlh, const struct in6_addr *peer)
{
	struct {
		struct inet_diag_bc_op op;
		struct inet_diag_hostcond cond;
		uint8_t addr[16];
	} code = {
		.op = { INET_DIAG_BC_D_COND, sizeof(code), sizeof(code) + 4 },
		.cond = { .family = AF_INET6, .prefix_len = 128, .port = -1 },
	};

	memcpy(code.addr, peer, sizeof(code.addr));
	mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, sizeof(code), &code);
}

static int end_some(struct mnl_socket *nl, struct found *f)
{
	uint8_t buf[BUFFER] __attribute__((aligned(8)));
	size_t i;
	int err;

	f->n = 0;
	f->more = false;
	request(buf, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	put_filter((struct nlmsghdr *)buf, f->peer);
	err = talk(nl, buf, collect, f);
	for (i = 0; !err && i < f->n; i++) {
		request(buf, SOCK_DESTROY, NLM_F_ACK)->id = f->ids[i];
		err = talk(nl, buf, NULL, NULL);
		/* It has ended by itself. */
		if (err == -ENOENT)
			err = 0;
	}
	return err;
}

int tcp_end(const struct in6_addr *peer)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	struct found f = { .peer = peer };
	int err, n = 0;

	if (!nl)
		return -errno;
	err = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	do {
		err = err ? err : end_some(nl, &f);
		n += (int)f.n;
	} while (!err && f.more);
	mnl_socket_close(nl);
	return err ? err : n;
}
