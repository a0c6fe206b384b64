// SPDX-License-Identifier: GPL-2.0-or-later
#include "conn.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "message.h"

/* Requests in flight: their refusals must fit in the receive buffer. */
#define BATCH_MAX	100
#define RECEIVE_BUFFER	(4 << 20)

static int __attribute__((format(printf, 3, 4)))
conn_fail(struct nl_conn *c, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	return err;
}

/* libnl has errors of its own; these are the ones that opening can meet. */
static int errno_from_libnl(int nle)
{
	switch (nle < 0 ? -nle : nle) {
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PROTO_MISMATCH:
	case NLE_AF_NOSUPPORT:
		return -EPROTONOSUPPORT;
	default:
		return -EIO;
	}
}

static int conn_open(struct nl_conn *c, int protocol)
{
	int one = 1, room = RECEIVE_BUFFER, err;

	memset(c, 0, sizeof(*c));
	c->fd = -1;

	c->sk = nl_socket_alloc();
	if (!c->sk)
		return conn_fail(c, -ENOMEM, "out of memory");

	err = nl_connect(c->sk, protocol);
	if (err) {
		nl_socket_free(c->sk);
		c->sk = NULL;
		return conn_fail(c, errno_from_libnl(err),
				 "cannot open a netlink socket: %s",
				 nl_geterror(err));
	}
	c->fd = nl_socket_get_fd(c->sk);

	/* Both are wishes: a kernel without them just says less. */
	setsockopt(c->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(c->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	/* Above the system's limit for those who may; what libnl set is left. */
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return 0;
}

int nl_conn_open_route(struct nl_conn *c)
{
	return conn_open(c, NETLINK_ROUTE);
}

int nl_conn_open_generic(struct nl_conn *c, const char *family,
			 uint8_t version)
{
	int err;

	err = conn_open(c, NETLINK_GENERIC);
	if (err)
		return err;

	err = genl_ctrl_resolve(c->sk, family);
	if (err < 0) {
		int ret = errno_from_libnl(err);

		nl_conn_close(c);
		if (ret == -ENOENT)
			return conn_fail(c, -EPROTONOSUPPORT,
					 "the %s module is not loaded: modprobe %s",
					 family, family);
		return conn_fail(c, ret, "cannot look the %s module up: %s",
				 family, nl_geterror(err));
	}

	c->family = (uint16_t)err;
	c->version = version;
	c->schema_skip = GENL_HDRLEN;
	return 0;
}

void nl_conn_close(struct nl_conn *c)
{
	if (c->sk)
		nl_socket_free(c->sk);
	c->sk = NULL;
	c->fd = -1;
}

int nl_conn_join(struct nl_conn *c, const char *family, const char *group)
{
	int id, err;

	id = genl_ctrl_resolve_grp(c->sk, family, group);
	if (id < 0)
		return conn_fail(c, errno_from_libnl(id),
				 "the %s module has no event group %s: %s",
				 family, group, nl_geterror(id));

	/* Not through libnl, which makes one error of EPERM and others. */
	if (setsockopt(c->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &id,
		       sizeof(id))) {
		err = -errno;
		return conn_fail(c, err, "cannot join the event group %s: %s",
				 group, strerror(-err));
	}

	return 0;
}

size_t nl_msg_begin(struct nl_writer *w, uint16_t type, uint16_t flags,
		    const void *hdr, size_t hdr_len)
{
	struct nlmsghdr nlh = {
		.nlmsg_type = type,
		.nlmsg_flags = flags | NLM_F_REQUEST,
	};
	size_t msg = w->len;
	void *p;

	p = nl_reserve(w, sizeof(nlh));
	if (p)
		memcpy(p, &nlh, sizeof(nlh));
	p = nl_reserve(w, hdr_len);
	if (p && hdr_len)
		memcpy(p, hdr, hdr_len);
	return msg;
}

size_t nl_genl_begin(struct nl_writer *w, const struct nl_conn *c, uint8_t cmd,
		     uint16_t flags)
{
	struct genlmsghdr genl = { .cmd = cmd, .version = c->version };

	return nl_msg_begin(w, c->family, flags, &genl, sizeof(genl));
}

static void header_get(const struct nl_writer *w, size_t msg,
		       struct nlmsghdr *nlh)
{
	memcpy(nlh, w->buf + msg, sizeof(*nlh));
}

static void header_set(struct nl_writer *w, size_t msg,
		       const struct nlmsghdr *nlh)
{
	memcpy(w->buf + msg, nlh, sizeof(*nlh));
}

void nl_msg_end(struct nl_writer *w, size_t msg)
{
	struct nlmsghdr nlh;

	if (w->failed)
		return;

	header_get(w, msg, &nlh);
	nlh.nlmsg_len = (uint32_t)(w->len - msg);
	header_set(w, msg, &nlh);
}

static int conn_send(struct nl_conn *c, const void *buf, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do {
		n = sendto(c->fd, buf, len, 0, (struct sockaddr *)&kernel,
			   sizeof(kernel));
	} while (n < 0 && errno == EINTR);

	if (n < 0) {
		int err = -errno;

		return conn_fail(c, err, "cannot send to the kernel: %s",
				 strerror(-err));
	}

	return 0;
}

/* One datagram of the kernel; what other processes send is passed over. */
static ssize_t conn_recv(struct nl_conn *c, void *buf, size_t size)
{
	struct sockaddr_nl from;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr mh;
	ssize_t n;

	do {
		mh = (struct msghdr){
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
		};
		n = recvmsg(c->fd, &mh, 0);
	} while ((n < 0 && errno == EINTR) ||
		 (n >= 0 && (mh.msg_namelen != sizeof(from) || from.nl_pid)));

	if (n < 0) {
		int err = -errno;

		return conn_fail(c, err, "cannot receive from the kernel: %s",
				 strerror(-err));
	}
	if (mh.msg_flags & MSG_TRUNC)
		return conn_fail(c, -EBADMSG,
				 "the kernel's answer is too long");

	return n;
}

static int conn_malformed(struct nl_conn *c)
{
	return conn_fail(c, -EBADMSG, "the kernel's answer is malformed");
}

/*
 * Read NLMSG_ERROR or NLMSG_DONE. Returns the errno it carries (0 is an
 * acknowledgement), and explains it with the help of the @request.
 */
static int conn_outcome(struct nl_conn *c, const struct nlmsghdr *nlh,
			const uint8_t *payload, size_t len,
			const uint8_t *request, size_t request_len)
{
	struct nl_outcome outcome;

	if (nl_outcome_read(&outcome, nlh, payload, len))
		return conn_malformed(c);
	if (outcome.err)
		nl_outcome_explain(&outcome, c->schema, request, request_len,
				   c->schema_skip, c->error, sizeof(c->error));
	return outcome.err;
}

int nl_conn_request(struct nl_conn *c, struct nl_writer *w, nl_message_fn fn,
		    void *arg)
{
	static uint8_t buf[65536];
	const uint8_t *payload, *p;
	int handed_on = 0, err;
	struct nlmsghdr nlh;
	bool dump, bad;
	size_t left;
	ssize_t n;

	c->dump_changed = false;
	c->error[0] = '\0';
	if (w->failed)
		return conn_fail(c, -EMSGSIZE, "the request is too long");

	header_get(w, 0, &nlh);
	dump = (nlh.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (!dump)
		nlh.nlmsg_flags |= NLM_F_ACK;
	nlh.nlmsg_seq = ++c->seq;
	header_set(w, 0, &nlh);

	err = conn_send(c, w->buf, w->len);
	if (err)
		return err;

	for (;;) {
		n = conn_recv(c, buf, sizeof(buf));
		if (n < 0)
			return (int)n;

		p = buf;
		left = (size_t)n;
		while (nl_message_next(&p, &left, &nlh, &payload, &bad)) {
			size_t len = nlh.nlmsg_len - sizeof(nlh);

			/* Of a request that was given up. */
			if (nlh.nlmsg_seq != c->seq)
				continue;
			if (nlh.nlmsg_flags & NLM_F_DUMP_INTR)
				c->dump_changed = true;

			switch (nlh.nlmsg_type) {
			case NLMSG_NOOP:
				continue;
			case NLMSG_ERROR:
			case NLMSG_DONE:
				err = conn_outcome(c, &nlh, payload, len,
						   w->buf, w->len);
				return err ? err : handed_on;
			}

			if (fn && !handed_on)
				handed_on = fn(&nlh, payload, len, arg);
		}
		if (bad)
			return conn_malformed(c);
	}
}

void nl_batch_init(struct nl_batch *b, struct nl_conn *c,
		   void (*fn)(size_t number, int err, void *arg), void *arg)
{
	b->conn = c;
	b->w = (struct nl_writer){ .buf = b->buf, .size = sizeof(b->buf) };
	b->fn = fn;
	b->arg = arg;
	b->first_seq = c->seq + 1;
	b->count = 0;
	b->pending = 0;
	b->last = 0;
}

int nl_batch_reserve(struct nl_batch *b)
{
	if (b->pending >= BATCH_MAX || b->w.size - b->w.len < 4096)
		return nl_batch_flush(b);

	return 0;
}

void nl_batch_added(struct nl_batch *b, size_t msg)
{
	struct nlmsghdr nlh;

	if (b->w.failed)
		return;

	nl_msg_end(&b->w, msg);
	header_get(&b->w, msg, &nlh);
	nlh.nlmsg_seq = ++b->conn->seq;
	header_set(&b->w, msg, &nlh);
	b->last = msg;
	b->count++;
	b->pending++;
}

/* Where the request with this sequence number is in the batch. */
static const uint8_t *batch_find(const struct nl_batch *b, uint32_t seq,
				 size_t *len)
{
	struct nlmsghdr nlh;
	size_t at;

	for (at = 0; at < b->w.len; at += NLMSG_ALIGN(nlh.nlmsg_len)) {
		header_get(&b->w, at, &nlh);
		if (nlh.nlmsg_seq == seq) {
			*len = nlh.nlmsg_len;
			return b->w.buf + at;
		}
	}

	*len = 0;
	return NULL;
}

int nl_batch_flush(struct nl_batch *b)
{
	struct nl_conn *c = b->conn;
	static uint8_t buf[65536];
	const uint8_t *payload, *p, *request;
	size_t left, request_len;
	struct nlmsghdr nlh;
	bool done = false, bad;
	ssize_t n;
	int err;

	if (b->w.failed)
		return conn_fail(c, -EMSGSIZE, "a request is too long");
	if (!b->pending)
		return 0;

	/* Failures are reported always, success of the last one only. */
	header_get(&b->w, b->last, &nlh);
	nlh.nlmsg_flags |= NLM_F_ACK;
	header_set(&b->w, b->last, &nlh);

	err = conn_send(c, b->w.buf, b->w.len);
	if (err)
		return err;

	while (!done) {
		n = conn_recv(c, buf, sizeof(buf));
		if (n < 0)
			return (int)n;

		p = buf;
		left = (size_t)n;
		while (nl_message_next(&p, &left, &nlh, &payload, &bad)) {
			if (nlh.nlmsg_type != NLMSG_ERROR)
				continue;
			request = batch_find(b, nlh.nlmsg_seq, &request_len);
			if (!request)
				continue;
			err = conn_outcome(c, &nlh, payload,
					   nlh.nlmsg_len - sizeof(nlh),
					   request, request_len);
			if (err && b->fn)
				b->fn(nlh.nlmsg_seq - b->first_seq, err,
				      b->arg);
			if (nlh.nlmsg_seq == c->seq)
				done = true;
		}
		if (bad)
			return conn_malformed(c);
	}

	b->w.len = 0;
	b->pending = 0;
	return 0;
}

int nl_conn_receive(struct nl_conn *c, nl_message_fn fn, void *arg)
{
	static uint8_t buf[65536];
	const uint8_t *payload, *p = buf;
	struct nlmsghdr nlh;
	size_t left;
	ssize_t n;
	bool bad;
	int err;

	n = conn_recv(c, buf, sizeof(buf));
	if (n < 0)
		return (int)n;

	left = (size_t)n;
	while (nl_message_next(&p, &left, &nlh, &payload, &bad)) {
		err = fn(&nlh, payload, nlh.nlmsg_len - sizeof(nlh), arg);
		if (err)
			return err;
	}

	return bad ? conn_malformed(c) : 0;
}
