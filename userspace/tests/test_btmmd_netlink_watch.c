// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The watcher on this kernel, in a network of its own where that is allowed.
 */
#define _GNU_SOURCE
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "../btmmd/netlink_watch.h"

#define LIMIT_US	10000000
#define FLOOD		3500

struct seen {
	unsigned int events, settled;
	int err;
};

static void event(void *arg, const struct netwatch_event *e)
{
	(void)e;
	((struct seen *)arg)->events++;
}

static void settled(void *arg)
{
	((struct seen *)arg)->settled++;
}

static void trouble(void *arg, int err, const char *what)
{
	print_message("%s: %d\n", what, err);
	((struct seen *)arg)->err = err;
}

static const struct netlink_watch_ops ops = { event, settled, trouble };

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		print_message("%s\n", path);
	close(fd);
}

static bool own_network(void)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", getuid());
	if (!unshare(CLONE_NEWNET))
		return true;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", map);
	return true;
}

/* Runs the loop until @is_done, or fails after a while. */
static void wait_for(sd_event *loop, const struct netlink_watch *w,
		     bool (*is_done)(const struct netwatch_picture *p, const struct seen *s),
		     const struct seen *s)
{
	uint64_t end, at;

	assert_true(sd_event_now(loop, CLOCK_MONOTONIC, &at) >= 0);
	end = at + LIMIT_US;
	while (!is_done(netwatch_picture(netlink_watch_engine(w)), s)) {
		assert_true(sd_event_run(loop, LIMIT_US) >= 0);
		assert_true(sd_event_now(loop, CLOCK_MONOTONIC, &at) >= 0);
		assert_true(at < end);
	}
}

static bool first(const struct netwatch_picture *p, const struct seen *s)
{
	(void)p;
	return s->settled;
}

static bool has_gateway(const struct netwatch_picture *p, const struct seen *s)
{
	(void)s;
	return p->n_gateways == 1 && p->outer4.ip.len == 4;
}

/* More messages than fit into the socket's buffer while nobody reads them */
static void flood(void)
{
	FILE *ip = popen("ip -batch -", "w");
	int i;

	assert_non_null(ip);
	for (i = 0; i < FLOOD; i++)
		fprintf(ip, "addr add 198.18.%d.%d/32 dev wan0\n", i / 256, i % 256);
	assert_int_equal(pclose(ip), 0);
}

/* By this kernel's account, for any of our rtnetlink sockets */
static bool lost_messages(void)
{
	FILE *f = fopen("/proc/self/net/netlink", "r");
	unsigned int protocol, drops;
	char line[256];
	bool any = false;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*x %u %*u %*x %*u %*u %*u %*u %u", &protocol, &drops) == 2)
			any |= !protocol && drops;
	}
	fclose(f);
	return any;
}

static bool has_all(const struct netwatch_picture *p, const struct seen *s)
{
	(void)s;
	return p->n_addrs == FLOOD + 1;
}

static bool has_mtu(const struct netwatch_picture *p, const struct seen *s)
{
	(void)s;
	return p->outer4.mtu == 1400;
}

static bool nothing(const struct netwatch_picture *p, const struct seen *s)
{
	(void)s;
	return !p->n_links && !p->n_gateways && !p->outer4.ip.len;
}

static void follows(void **state)
{
	struct netlink_watch *w;
	struct seen s = { 0 };
	sd_event *loop;
	bool own = own_network();

	(void)state;
	assert_true(sd_event_new(&loop) >= 0);
	assert_int_equal(netlink_watch_new(loop, &ops, &s, &w), 0);
	wait_for(loop, w, first, &s);
	assert_true(netwatch_is_ready(netlink_watch_engine(w)));
	assert_int_equal(s.err, 0);

	if (own && !system("ip link add wan0 type veth peer name isp0 && "
			   "ip addr add 192.0.2.10/24 dev wan0 && ip link set isp0 up && "
			   "ip link set wan0 up && ip route add default via 192.0.2.1")) {
		wait_for(loop, w, has_gateway, &s);
		flood();
		assert_true(lost_messages());
		wait_for(loop, w, has_all, &s);
		assert_int_equal(system("ip link set wan0 mtu 1400"), 0);
		wait_for(loop, w, has_mtu, &s);
		assert_int_equal(system("ip link set wan0 down; ip link set isp0 down"), 0);
		wait_for(loop, w, nothing, &s);
		assert_true(s.events > 5);
	} else {
		print_message("no network of our own: only the start was tested\n");
	}
	assert_int_equal(s.err, 0);
	netlink_watch_free(w);
	sd_event_unref(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows),
	};

	return cmocka_run_group_tests_name("btmmd_netlink_watch", tests, NULL, NULL);
}
