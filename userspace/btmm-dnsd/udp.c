// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Datagrams, many per system call, answered from the address that was asked
 * (RFC 1123 6.1.3.5).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "transport_int.h"

#define UDP_BUFFER	(4 << 20)	/* of the kernel, each way */
/* A reply names its source in one of two ways; what comes may have both. */
#define OUT_CONTROL	CMSG_SPACE(sizeof(struct in6_pktinfo))
#define IN_CONTROL	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + \
			 CMSG_SPACE(sizeof(struct in_pktinfo)))

#define ALIGNED		__attribute__((aligned(__alignof__(struct cmsghdr))))

struct udp_io {
	struct mmsghdr in[UDP_BATCH];
	struct iovec in_iov[UDP_BATCH];
	struct sockaddr_storage in_name[UDP_BATCH];
	uint8_t in_control[UDP_BATCH][IN_CONTROL] ALIGNED;
	uint8_t in_data[UDP_BATCH][UDP_IN_SIZE];

	/* What waits for udp_flush(), all for one socket. */
	struct listener *to;
	unsigned int n;
	size_t used;
	struct mmsghdr out[UDP_BATCH];
	struct iovec out_iov[UDP_BATCH];
	struct sockaddr_storage out_name[UDP_BATCH];
	uint8_t out_control[UDP_BATCH][OUT_CONTROL] ALIGNED;
	uint8_t out_data[UDP_OUT_ARENA];
};

struct udp_io *udp_new(void)
{
	return calloc(1, sizeof(struct udp_io));
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* Above the system's limit for those who may. */
static void set_buffer(int fd, int force, int option)
{
	if (set_int(fd, SOL_SOCKET, force, UDP_BUFFER))
		set_int(fd, SOL_SOCKET, option, UDP_BUFFER);
}

int udp_setup(int fd, sa_family_t family)
{
	int err;

	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);

	/*
	 * A forged "fragmentation needed" must not make our answers into fragments
	 * that can be poisoned: path MTUs are not believed, DF is off, and messages
	 * are small enough for every path.
	 */
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	if (family == AF_INET)
		return set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);

	set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	err = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	/* One from systemd may be for IPv4, too. */
	set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	return err;
}

static void local_from_control(struct msghdr *h, struct net_addr *local)
{
	struct sockaddr_storage ss = { 0 };
	struct in6_pktinfo info6;
	struct in_pktinfo info4;
	struct cmsghdr *c;
	uint16_t port = local->port;

	for (c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info4, CMSG_DATA(c), sizeof(info4));
			ss.ss_family = AF_INET;
			((struct sockaddr_in *)&ss)->sin_addr = info4.ipi_spec_dst;
			net_from_sockaddr(&ss, local);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			ss.ss_family = AF_INET6;
			((struct sockaddr_in6 *)&ss)->sin6_addr = info6.ipi6_addr;
			((struct sockaddr_in6 *)&ss)->sin6_scope_id = info6.ipi6_ifindex;
			net_from_sockaddr(&ss, local);
		}
	}
	local->port = port;
}

static void deliver(struct listener *l, struct mmsghdr *m)
{
	struct transport *t = l->t;
	struct origin from = { .kind = TRANSPORT_UDP, .listener = l->index, .local = l->addr };

	t->stats.udp_in++;
	if (m->msg_hdr.msg_flags & MSG_TRUNC || !m->msg_len ||
	    !net_from_sockaddr(m->msg_hdr.msg_name, &from.peer) || !from.peer.port) {
		t->stats.udp_dropped++;
		return;
	}
	local_from_control(&m->msg_hdr, &from.local);
	t->ops->message(t->arg, &from, m->msg_hdr.msg_iov->iov_base, m->msg_len);
}

void udp_readable(struct listener *l)
{
	struct udp_io *u = l->t->udp;
	int i, n;

	for (i = 0; i < UDP_BATCH; i++) {
		u->in_iov[i] = (struct iovec){ u->in_data[i], UDP_IN_SIZE };
		u->in[i].msg_hdr = (struct msghdr){
			.msg_name = &u->in_name[i], .msg_namelen = sizeof(u->in_name[i]),
			.msg_iov = &u->in_iov[i], .msg_iovlen = 1,
			.msg_control = u->in_control[i], .msg_controllen = IN_CONTROL,
		};
	}
	n = recvmmsg(l->watch.fd, u->in, UDP_BATCH, MSG_DONTWAIT, NULL);

	transport_cork(l->t);
	for (i = 0; i < n; i++)
		deliver(l, &u->in[i]);
	transport_uncork(l->t);
}

static bool is_wildcard(const struct net_addr *a)
{
	static const uint8_t none[4];

	return IN6_IS_ADDR_UNSPECIFIED(&a->ip) ||
	       (net_is_v4(a) && !memcmp(&a->ip.s6_addr[12], none, sizeof(none)));
}

/* How well @l does for what is to come from @local; 0: not at all. */
static int suits(const struct listener *l, const struct net_addr *local, sa_family_t family)
{
	if (l->kind != TRANSPORT_UDP || (local->port && l->addr.port != local->port))
		return 0;
	/* One that systemd made may be for both. */
	if (l->family != family)
		return family == AF_INET && is_wildcard(&l->addr);
	if (IN6_ARE_ADDR_EQUAL(&l->addr.ip, &local->ip))
		return 4;
	return is_wildcard(&l->addr) ? 3 : 2;
}

/* The socket that a message of that origin goes out of. */
static struct listener *socket_for(struct transport *t, const struct origin *to)
{
	sa_family_t family = net_is_v4(&to->peer) ? AF_INET : AF_INET6;
	struct listener *l, *best = NULL;
	int i, score, most = 0;

	if (to->listener >= 0 && to->listener < t->n_listeners) {
		l = t->listeners[to->listener];
		if (l->kind == TRANSPORT_UDP && l->addr.port == to->local.port &&
		    (l->family == family || family == AF_INET))
			return l;
	}
	/* The origin is older than this process and listeners have changed, or any
	 * port will do (0).
	 */
	for (i = 0; i < t->n_listeners; i++) {
		score = suits(t->listeners[i], &to->local, family);
		if (score > most) {
			most = score;
			best = t->listeners[i];
		}
	}
	return best;
}

/* Says from which address the datagram is to go. */
static size_t put_control(uint8_t *buf, const struct net_addr *local)
{
	struct cmsghdr *c = (struct cmsghdr *)buf;
	struct in6_pktinfo info6 = { .ipi6_addr = local->ip, .ipi6_ifindex = local->scope };
	struct in_pktinfo info4 = { 0 };

	if (net_is_v4(local)) {
		memcpy(&info4.ipi_spec_dst, &local->ip.s6_addr[12], 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info4));
		memcpy(CMSG_DATA(c), &info4, sizeof(info4));
		return CMSG_SPACE(sizeof(info4));
	}
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info6));
	memcpy(CMSG_DATA(c), &info6, sizeof(info6));
	return CMSG_SPACE(sizeof(info6));
}

/* An IPv6 socket wants an IPv4 address in its own form. */
static socklen_t put_name(const struct listener *l, const struct net_addr *peer,
			  struct sockaddr_storage *out)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	if (l->family == AF_INET || !net_is_v4(peer))
		return net_to_sockaddr(peer, out);
	memset(out, 0, sizeof(*out));
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(peer->port);
	in6->sin6_addr = peer->ip;
	return sizeof(*in6);
}

int udp_send(struct transport *t, const struct origin *to, const uint8_t *msg, size_t len)
{
	struct listener *l = socket_for(t, to);
	struct udp_io *u = t->udp;
	unsigned int i;

	if (!l)
		return -ENOTCONN;
	if (len > UDP_OUT_ARENA)
		return -EMSGSIZE;
	if (u->to != l || u->n == UDP_BATCH || len > UDP_OUT_ARENA - u->used)
		udp_flush(t);

	i = u->n++;
	u->to = l;
	memcpy(u->out_data + u->used, msg, len);
	u->out_iov[i] = (struct iovec){ u->out_data + u->used, len };
	u->used += len;
	u->out[i].msg_hdr = (struct msghdr){
		.msg_name = &u->out_name[i],
		.msg_namelen = put_name(l, &to->peer, &u->out_name[i]),
		.msg_iov = &u->out_iov[i], .msg_iovlen = 1,
		.msg_control = u->out_control[i],
		.msg_controllen = put_control(u->out_control[i], &to->local),
	};
	if (!t->corked)
		udp_flush(t);
	return 0;
}

void udp_flush(struct transport *t)
{
	struct udp_io *u = t->udp;
	unsigned int done = 0;
	int n;

	while (done < u->n) {
		n = sendmmsg(u->to->watch.fd, u->out + done, u->n - done, MSG_DONTWAIT);
		if (n > 0) {
			t->stats.udp_out += n;
			done += n;
		} else if (errno == EAGAIN) {
			/* Who asked asks again; what has to arrive is repeated. */
			t->stats.udp_dropped += u->n - done;
			break;
		} else if (errno != EINTR) {
			/* The first of them cannot be sent: no route, a firewall. */
			t->stats.udp_dropped++;
			done++;
		}
	}
	u->n = 0;
	u->used = 0;
}
