// SPDX-License-Identifier: GPL-2.0-or-later
/* One default route: the gateway's socket, and the child that speaks UPnP with it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nat_int.h"
#include "noise.h"
#include "upnp_child.h"

#define DATAGRAM_MAX	1100	/* RFC 6887 7 */
#define CHILD_AGAIN	5000	/* ms between two children */

static struct sockaddr_in ipv4_sockaddr(struct ipv4 a, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };

	memcpy(&sin.sin_addr, a.b, sizeof(a.b));
	return sin;
}

static void noise_from(enum noise_kind kind, struct ipv4 from, const char *what)
{
	char text[INET_ADDRSTRLEN];

	noise(kind, "%s, from %s", what, inet_ntop(AF_INET, from.b, text, sizeof(text)));
}

static bool is_set(struct ipv4 a)
{
	return ipv4_kind(a) != IPV4_NONE;
}

/* --- the gateway's socket ---------------------------------------------------------- */

static int on_datagram(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	uint8_t buf[DATAGRAM_MAX];
	struct nat_path *p = arg;
	uint64_t now = nat_now(p->nat);
	int i;

	(void)source;
	(void)revents;
	/* Not for ever: others want to be heard, too. */
	for (i = 0; i < 16; i++) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n >= 0) {
			/* The socket is connected: the kernel has looked who it is from. */
			if (!gateway_input(p->gateway, now, p->route.gateway, buf, (size_t)n) &&
			    gateway_foreign(p->gateway, buf, (size_t)n))
				noise_from(NOISE_GATEWAY, p->route.gateway, "what is no answer to us");
		} else if (errno == ECONNREFUSED) {
			gateway_unreachable(p->gateway, now);
		} else if (errno != EINTR) {
			break;
		}
	}
	nat_drive(p->nat);
	return 0;
}

static void close_socket(struct nat_path *p)
{
	p->source = sd_event_source_disable_unref(p->source);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* Later, if it cannot be had now: the engine sends again. */
static int open_socket(struct nat_path *p)
{
	struct sockaddr_in own = ipv4_sockaddr(p->route.own, 0);
	struct sockaddr_in to = ipv4_sockaddr(p->route.gateway, NATPMP_PORT);
	char name[IF_NAMESIZE];

	close_socket(p);
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return -errno;
	/* Several networks may have the same addresses. */
	if (if_indextoname(p->route.ifindex, name))
		setsockopt(p->fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name));
	if (bind(p->fd, (struct sockaddr *)&own, sizeof(own)) ||
	    connect(p->fd, (struct sockaddr *)&to, sizeof(to)) ||
	    sd_event_add_io(p->nat->event, &p->source, p->fd, EPOLLIN, on_datagram, p) < 0) {
		int err = -errno;

		close_socket(p);
		return err;
	}
	return 0;
}

static void gateway_send(struct nat_path *p, uint64_t now)
{
	uint8_t out[GATEWAY_OUT];
	size_t len;

	while (p->gateway && (len = gateway_output(p->gateway, now, out))) {
		if (p->fd < 0 && open_socket(p))
			continue;
		/* An error of an earlier datagram: this one has not been sent. */
		if (send(p->fd, out, len, 0) < 0 && errno == ECONNREFUSED)
			gateway_unreachable(p->gateway, now);
	}
}

/* --- UPnP's child ------------------------------------------------------------------ */

static void child_close(struct nat_path *p)
{
	p->child_source = sd_event_source_disable_unref(p->child_source);
	if (p->child_fd >= 0)
		close(p->child_fd);
	p->child_fd = -1;
	p->in_len = 0;
}

static void child_lost(struct nat_path *p)
{
	child_close(p);
	if (p->child)
		kill(p->child, SIGKILL);
	if (p->upnp)
		upnp_lost(p->upnp, nat_now(p->nat));
}

static int on_exit_of_child(sd_event_source *source, const siginfo_t *info, void *arg)
{
	struct nat_path *p = arg;

	(void)info;
	sd_event_source_disable_unref(source);
	p->exit_source = NULL;
	p->child = 0;
	if (p->child_fd >= 0)
		child_lost(p);
	nat_drive(p->nat);
	return 0;
}

static bool take_responses(struct nat_path *p)
{
	struct upnp_response r;
	int used;

	while ((used = upnp_response_read(p->in, p->in_len, &r)) > 0) {
		memmove(p->in, p->in + used, p->in_len - (size_t)used);
		p->in_len -= (size_t)used;
		upnp_input(p->upnp, nat_now(p->nat), &r);
	}
	return !used;
}

static int on_child(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct nat_path *p = arg;
	ssize_t n = recv(fd, p->in + p->in_len, sizeof(p->in) - p->in_len, MSG_DONTWAIT);

	(void)source;
	(void)revents;
	if (n > 0)
		p->in_len += (size_t)n;
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || !n || !take_responses(p))
		child_lost(p);
	nat_drive(p->nat);
	return 0;
}

/*
 * A program of its own, the same one (main.c), even if its file has been replaced: what
 * speaks with a stranger in XML must not have our keys in its memory.
 */
static void in_child(int fd)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd == UPNP_CHILD_FD ? !fcntl(fd, F_SETFD, 0) : dup2(fd, UPNP_CHILD_FD) >= 0)
		execl("/proc/self/exe", "btmmd", UPNP_CHILD_WORD, NULL);
	_exit(EXIT_FAILURE);
}

static int child_start(struct nat_path *p, uint64_t now)
{
	int fds[2], err;

	/* Its exit is waited for by its own source; SIGCHLD is blocked by main(). */
	if (p->child || (p->child_at && now < p->child_at + CHILD_AGAIN))
		return -EAGAIN;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	p->child_at = now;
	p->child = fork();
	if (!p->child)
		in_child(fds[1]);
	close(fds[1]);
	p->child_fd = fds[0];
	if (p->child < 0) {
		p->child = 0;
		child_close(p);
		return -EAGAIN;
	}
	err = sd_event_add_io(p->nat->event, &p->child_source, p->child_fd, EPOLLIN, on_child, p);
	if (err >= 0)
		err = sd_event_add_child(p->nat->event, &p->exit_source, p->child, WEXITED,
					 on_exit_of_child, p);
	if (err < 0) {
		kill(p->child, SIGKILL);
		waitpid(p->child, NULL, 0);
		p->child = 0;
		child_close(p);
	}
	return err < 0 ? err : 0;
}

static void upnp_send(struct nat_path *p, uint64_t now)
{
	struct upnp_request rq;
	uint8_t out[UPNP_MSG_MAX];
	size_t len;

	if (!p->upnp)
		return;
	if (upnp_stuck(p->upnp))
		child_lost(p);
	while (upnp_output(p->upnp, now, &rq)) {
		if (p->child_fd < 0 && child_start(p, now)) {
			upnp_lost(p->upnp, now);
			return;
		}
		len = upnp_request_put(out, &rq);
		/* A frame is far smaller than the socket's buffer, and there is one at a time. */
		if (send(p->child_fd, out, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len) {
			child_lost(p);
			return;
		}
	}
}

/* --- the path ---------------------------------------------------------------------- */

/* The same for the same route until power-off: PCP's renewals need it. */
static void nonce_of(const struct nat *n, const struct nat_route *r, uint8_t out[PCP_NONCE])
{
	uint8_t text[4 + 4 + 1];
	uint64_t h;
	uint8_t i;

	memcpy(text, &r->ifindex, 4);
	memcpy(text + 4, r->gateway.b, 4);
	for (i = 0; i < PCP_NONCE; i++) {
		text[8] = i / 8;
		h = siphash24(n->config.secret, text, sizeof(text));
		out[i] = (uint8_t)(h >> 8 * (i % 8));
	}
}

static bool make_gateway(struct nat_path *p, uint64_t now)
{
	struct nat *n = p->nat;
	struct gateway_config c = {
		.gateway = p->route.gateway,
		.own = p->route.own,
		.lifetime = n->config.lifetime,
		.refresh = n->config.refresh,
	};

	nonce_of(n, &p->route, c.nonce);
	if (getrandom(c.seed, sizeof(c.seed), 0) != sizeof(c.seed))
		return false;
	p->gateway = gateway_new(&c);
	explicit_bzero(&c, sizeof(c));
	if (!p->gateway)
		return false;
	gateway_map(p->gateway, n->config.port, n->config.suggested, now);
	return true;
}

static bool make_upnp(struct nat_path *p, uint64_t now)
{
	struct nat *n = p->nat;
	struct upnp_config c = {
		.gateway = p->route.gateway,
		.own = p->route.own,
		.lease = n->config.lifetime,
		.refresh = n->config.refresh,
		.grace = UPNP_GRACE,
		.description = n->config.description,
	};

	if (getrandom(c.seed, sizeof(c.seed), 0) != sizeof(c.seed))
		return false;
	p->upnp = upnp_new(&c);
	if (!p->upnp)
		return false;
	upnp_map(p->upnp, n->config.port, n->config.suggested, now);
	return true;
}

struct nat_path *nat_path_new(struct nat *n, const struct nat_route *r, uint64_t now)
{
	struct nat_path *p = calloc(1, sizeof(*p));
	bool ok = p;

	if (!p)
		return NULL;
	p->nat = n;
	p->route = *r;
	p->fd = -1;
	p->child_fd = -1;
	/* RFC 6886 3.1: who has a public address needs no mapping. */
	if (is_set(r->gateway) && is_set(r->own) && !ipv4_public(r->own)) {
		if (n->config.natpmp)
			ok = make_gateway(p, now);
		if (ok && n->config.upnp)
			ok = make_upnp(p, now);
	}
	if (!ok) {
		nat_path_free(p);
		return NULL;
	}
	return p;
}

void nat_path_free(struct nat_path *p)
{
	if (!p)
		return;
	close_socket(p);
	child_close(p);
	p->exit_source = sd_event_source_disable_unref(p->exit_source);
	if (p->child) {
		kill(p->child, SIGKILL);
		waitpid(p->child, NULL, 0);
	}
	gateway_free(p->gateway);
	upnp_free(p->upnp);
	free(p);
}

void nat_path_update(struct nat_path *p, const struct nat_route *r, bool renewed, uint64_t now)
{
	bool moved = !ipv4_equal(p->route.own, r->own);

	p->route = *r;
	if (!moved && !renewed)
		return;
	close_socket(p);
	if (p->gateway && moved)
		gateway_moved(p->gateway, r->own, now);
	else if (p->gateway)
		gateway_retry(p->gateway, now);
	if (p->upnp && moved)
		upnp_moved(p->upnp, r->own, now);
	else if (p->upnp)
		upnp_check(p->upnp, now);
}

void nat_path_output(struct nat_path *p, uint64_t now)
{
	gateway_send(p, now);
	upnp_send(p, now);
}

uint64_t nat_path_deadline(const struct nat_path *p)
{
	uint64_t a = p->gateway ? gateway_deadline(p->gateway) : UINT64_MAX;
	uint64_t b = p->upnp ? upnp_deadline(p->upnp) : UINT64_MAX;

	return a < b ? a : b;
}

void nat_path_stop(struct nat_path *p, uint64_t now)
{
	if (p->gateway)
		gateway_stop(p->gateway, now);
	if (p->upnp)
		upnp_stop(p->upnp, now);
}

bool nat_path_stopped(const struct nat_path *p)
{
	return (!p->gateway || gateway_stopped(p->gateway)) && (!p->upnp || upnp_stopped(p->upnp));
}

/* --- announcements ----------------------------------------------------------------- */

static int on_announcement(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	uint8_t buf[DATAGRAM_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct nat *n = arg;
	bool taken = false;
	struct ipv4 a;
	ssize_t len;
	size_t i;

	(void)source;
	(void)revents;
	len = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
	if (len < 0 || from_len < sizeof(from) || from.sin_family != AF_INET)
		return 0;
	memcpy(a.b, &from.sin_addr, sizeof(a.b));
	for (i = 0; i < n->n_paths; i++) {
		if (n->paths[i]->gateway)
			taken |= gateway_announced(n->paths[i]->gateway, nat_now(n), a, buf,
						   (size_t)len);
	}
	if (!taken && !n->stopping)
		noise_from(NOISE_ANNOUNCED, a, "an announcement that is none of a gateway of ours");
	nat_drive(n);
	return 0;
}

void nat_announce_open(struct nat *n)
{
	/* Not the wildcard: nobody else's datagrams (RFC 6886 3.2.1). */
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons(NATPMP_CLIENT_PORT),
		.sin_addr.s_addr = htonl(INADDR_ALLHOSTS_GROUP),
	};
	int on = 1;

	n->announce_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->announce_fd < 0)
		return;
	setsockopt(n->announce_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(n->announce_fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (bind(n->announce_fd, (struct sockaddr *)&at, sizeof(at)) ||
	    sd_event_add_io(n->event, &n->announce_source, n->announce_fd, EPOLLIN,
			    on_announcement, n) < 0)
		nat_announce_close(n);
}

/* On each link with a gateway; again is no harm. */
void nat_announce_join(struct nat *n)
{
	size_t i;

	for (i = 0; i < n->n_paths && n->announce_fd >= 0; i++) {
		const struct ip_mreqn group = {
			.imr_multiaddr.s_addr = htonl(INADDR_ALLHOSTS_GROUP),
			.imr_ifindex = (int)n->paths[i]->route.ifindex,
		};

		setsockopt(n->announce_fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
	}
}

void nat_announce_close(struct nat *n)
{
	n->announce_source = sd_event_source_disable_unref(n->announce_source);
	if (n->announce_fd >= 0)
		close(n->announce_fd);
	n->announce_fd = -1;
}
