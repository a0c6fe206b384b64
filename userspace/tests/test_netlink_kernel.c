// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets of lib/netlink and lib/rtnl with the kernel, in a network of the test's own: what
 * works, and the sentence when it does not.
 */
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/rtnl/rtnl.h"

#define LO	1
#define MANY	250	/* requests: more than one flight of a batch */

static struct nl_conn route;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		print_message("%s: %s\n", path, strerror(errno));
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

static int begin(void **state)
{
	(void)state;
	return nl_conn_open_route(&route);
}

static int end(void **state)
{
	(void)state;
	nl_conn_close(&route);
	nl_conn_close(&route);
	return 0;
}

static struct in6_addr ula(unsigned int n)
{
	struct in6_addr a = { .s6_addr = { 0xfd, [14] = (uint8_t)(n >> 8),
					   [15] = (uint8_t)n } };

	return a;
}

static void links_addresses_routes(void **state)
{
	struct in6_addr own = ula(1), other = ula(2);

	(void)state;
	assert_int_equal(rtnl_link_up(&route, LO), 0);
	assert_int_equal(rtnl_addr_add(&route, LO, &own), 0);
	assert_int_equal(rtnl_addr_add(&route, LO, &own), 0);
	assert_int_equal(rtnl_route_add(&route, LO, &other), 0);
	assert_int_equal(rtnl_route_add(&route, LO, &other), 0);
	assert_string_equal(route.error, "");
	assert_int_equal(rtnl_route_del(&route, LO, &other), 0);
	assert_int_equal(rtnl_route_del(&route, LO, &other), -ESRCH);
	assert_string_not_equal(route.error, "");
	assert_int_equal(rtnl_addr_del(&route, LO, &own), 0);
	assert_int_equal(rtnl_addr_del(&route, LO, &own), -EADDRNOTAVAIL);
}

static void refusals(void **state)
{
	struct in6_addr own = ula(1);
	struct at_dev config = { 0 };

	(void)state;
	assert_int_equal(rtnl_link_up(&route, 4711), -ENODEV);
	assert_string_not_equal(route.error, "");
	assert_int_equal(rtnl_link_del(&route, LO), -EOPNOTSUPP);
	assert_int_equal(rtnl_addr_add(&route, 4711, &own), -ENODEV);
	/* A name that there is, so that nothing is made where the module is loaded, either. */
	assert_true(rtnl_link_add(&route, "lo", &config) < 0);
	assert_string_not_equal(route.error, "");
	/* One that fails does not spoil the next. */
	assert_int_equal(rtnl_link_up(&route, LO), 0);
	assert_string_equal(route.error, "");
}

static int count_links(const struct nlmsghdr *nlh, const void *payload, size_t len, void *arg)
{
	unsigned int *n = arg;
	struct ifinfomsg ifi;

	assert_int_equal(nlh->nlmsg_type, RTM_NEWLINK);
	assert_true(len >= sizeof(ifi));
	memcpy(&ifi, payload, sizeof(ifi));
	*n += ifi.ifi_index == LO;
	return 0;
}

static int refuse(const struct nlmsghdr *nlh, const void *payload, size_t len, void *arg)
{
	(void)nlh;
	(void)payload;
	(void)len;
	++*(unsigned int *)arg;
	return -EXFULL;
}

static void dumps(void **state)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_writer w;
	uint8_t buf[256];
	unsigned int n = 0;
	size_t msg;

	(void)state;
	w = (struct nl_writer){ .buf = buf, .size = sizeof(buf) };
	msg = nl_msg_begin(&w, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi));
	nl_msg_end(&w, msg);
	assert_int_equal(nl_conn_request(&route, &w, count_links, &n), 0);
	assert_int_equal(n, 1);
	assert_false(route.dump_changed);
	/* What the caller says is handed on, and the rest is read. */
	n = 0;
	assert_int_equal(nl_conn_request(&route, &w, refuse, &n), -EXFULL);
	assert_int_equal(n, 1);
	assert_int_equal(nl_conn_request(&route, &w, NULL, NULL), 0);

	w = (struct nl_writer){ .buf = buf, .size = 20 };
	msg = nl_msg_begin(&w, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi));
	nl_msg_end(&w, msg);
	assert_int_equal(nl_conn_request(&route, &w, NULL, NULL), -EMSGSIZE);
	assert_string_equal(route.error, "the request is too long");
}

static struct {
	unsigned int n;
	size_t first, last;
	int err;
} failed;

static void on_failure(size_t number, int err, void *arg)
{
	assert_ptr_equal(arg, &failed);
	if (!failed.n++)
		failed.first = number;
	failed.last = number;
	failed.err = err;
}

static void routes(bool add, unsigned int from, unsigned int n)
{
	static struct nl_batch b;
	unsigned int i;

	memset(&failed, 0, sizeof(failed));
	nl_batch_init(&b, &route, on_failure, &failed);
	for (i = 0; i < n; i++) {
		struct in6_addr a = ula(from + i);

		assert_int_equal(nl_batch_reserve(&b), 0);
		nl_batch_added(&b, rtnl_route_begin(&b.w, add, LO, &a));
	}
	assert_int_equal(nl_batch_flush(&b), 0);
	assert_int_equal(nl_batch_flush(&b), 0);
	assert_int_equal(b.count, n);
}

static void batches(void **state)
{
	(void)state;
	assert_int_equal(rtnl_link_up(&route, LO), 0);
	routes(true, 0x100, MANY);
	assert_int_equal(failed.n, 0);
	/* The last 50 of these are not there. */
	routes(false, 0x100 + 50, MANY);
	assert_int_equal(failed.n, 50);
	assert_int_equal(failed.first, MANY - 50);
	assert_int_equal(failed.last, MANY - 1);
	assert_int_equal(failed.err, -ESRCH);
	routes(false, 0x100, 50);
	assert_int_equal(failed.n, 0);
}

static void families(void **state)
{
	struct nl_writer w;
	struct nl_conn c;
	uint8_t buf[256];
	unsigned int n = 0;
	size_t msg;

	(void)state;
	assert_int_equal(nl_conn_open_generic(&c, "btmm-no-such", 1), -EPROTONOSUPPORT);
	assert_string_equal(c.error,
			    "the btmm-no-such module is not loaded: modprobe btmm-no-such");
	assert_null(c.sk);

	assert_int_equal(nl_conn_open_generic(&c, "nlctrl", 1), 0);
	assert_int_equal(c.family, GENL_ID_CTRL);
	assert_int_equal(nl_conn_join(&c, "nlctrl", "no-such"), -ENOENT);
	assert_non_null(strstr(c.error, "has no event group no-such"));
	assert_int_equal(nl_conn_join(&c, "nlctrl", "notify"), 0);

	w = (struct nl_writer){ .buf = buf, .size = sizeof(buf) };
	msg = nl_genl_begin(&w, &c, CTRL_CMD_GETFAMILY, 0);
	nl_put_string(&w, CTRL_ATTR_FAMILY_NAME, "nlctrl");
	nl_msg_end(&w, msg);
	assert_int_equal(nl_conn_request(&c, &w, refuse, &n), -EXFULL);
	assert_int_equal(n, 1);

	w = (struct nl_writer){ .buf = buf, .size = sizeof(buf) };
	msg = nl_genl_begin(&w, &c, 200, 0);
	nl_msg_end(&w, msg);
	assert_int_equal(nl_conn_request(&c, &w, NULL, NULL), -EOPNOTSUPP);
	nl_conn_close(&c);
}

static int count(const struct nlmsghdr *nlh, const void *payload, size_t len, void *arg)
{
	(void)payload;
	(void)len;
	*(unsigned int *)arg += nlh->nlmsg_type == RTM_NEWROUTE;
	return 0;
}

/* Those that were lost are told from all other trouble. */
static void events(void **state)
{
	int group = RTNLGRP_IPV6_ROUTE, little = 1, err = 0;
	struct in6_addr a = ula(3);
	struct nl_conn c;
	unsigned int n = 0, i;

	(void)state;
	assert_int_equal(rtnl_link_up(&route, LO), 0);
	assert_int_equal(nl_conn_open_route(&c), 0);
	assert_int_equal(setsockopt(c.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
				    sizeof(group)), 0);
	assert_int_equal(rtnl_route_add(&route, LO, &a), 0);
	while (!n)
		assert_int_equal(nl_conn_receive(&c, count, &n), 0);
	assert_int_equal(rtnl_route_del(&route, LO, &a), 0);
	assert_int_equal(nl_conn_receive(&c, refuse, &n), -EXFULL);

	assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
	routes(true, 0x100, MANY);
	for (i = 0; i < MANY && !err; i++)
		err = nl_conn_receive(&c, count, &n);
	assert_int_equal(err, -ENOBUFS);
	assert_non_null(strstr(c.error, "cannot receive from the kernel"));
	routes(false, 0x100, MANY);
	nl_conn_close(&c);
}

static void sockets_that_are_gone(void **state)
{
	static struct nl_batch b;
	struct in6_addr a = ula(3);
	struct nl_conn c;
	unsigned int n = 0;

	(void)state;
	assert_int_equal(nl_conn_open_route(&c), 0);
	nl_batch_init(&b, &c, on_failure, &failed);
	nl_batch_added(&b, rtnl_route_begin(&b.w, true, LO, &a));
	assert_int_equal(close(c.fd), 0);
	assert_int_equal(rtnl_link_up(&c, LO), -EBADF);
	assert_non_null(strstr(c.error, "cannot send to the kernel"));
	assert_int_equal(nl_batch_flush(&b), -EBADF);
	assert_int_equal(nl_conn_receive(&c, count, &n), -EBADF);
	nl_conn_close(&c);

	/* One that does not fit is not counted, and nothing is sent. */
	nl_batch_init(&b, &route, on_failure, &failed);
	assert_null(nl_reserve(&b.w, sizeof(b.buf) + 1));
	nl_batch_added(&b, rtnl_route_begin(&b.w, true, LO, &a));
	assert_int_equal(b.count, 0);
	assert_int_equal(nl_batch_flush(&b), -EMSGSIZE);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(links_addresses_routes), T(refusals), T(dumps), T(batches), T(families),
		T(events), T(sockets_that_are_gone),
	};

	if (!own_network()) {
		puts("1..0 # SKIP there is no network namespace to be had");
		return 0;
	}
	return cmocka_run_group_tests_name("netlink_kernel", tests, NULL, NULL);
}
