// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl dev
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/rtnl/rtnl.h"
#include "ctl.h"
#include "out.h"

#define HELP_SETTINGS							\
"SETTING is any of\n"							\
"  local ULA        our own address, of fc00::/7\n"			\
"  port N           outer UDP port, 1 to 65535 (default 4500)\n"	\
"  fwmark N         mark of outer packets, for policy routing; also 0xN\n" \
"  keepalive SECS   keepalive of idle peers (default 20), 0 or off: never\n" \
"  tx-batch on|off  send many segments through the outer stack at once\n" \
"  rx-gro on|off    decrypt early, before outer INPUT and conntrack see it\n" \
"  max-peers N      how many peers there may be (default 131072)\n"

const char help_dev_show[] =
"FLAGS are up, tx-batch and rx-gro, as far as they are on.\n";

const char help_dev_add[] =
HELP_SETTINGS
"  up               set the device up at once\n"
"\n"
"With local, the ULA is also put on the device as its address, ULA/128. If one\n"
"of the steps fails, the device is removed again.\n"
"\n"
"Example: btmm-ctl dev add btmm0 local fd12:3456:789a::1 up\n";

const char help_dev_set[] =
HELP_SETTINGS
"\n"
"local can be changed only while the device is down; 'local none' takes it away.\n"
"The old address is taken off the device and the new one put on.\n";

const char help_dev_del[] = "";

static const struct out_column dev_columns[] = {
	{ "NAME",	"name",		OUT_STRING,	NULL },
	{ NULL,		"ifindex",	OUT_NUMBER,	NULL },
	{ "ULA",	"local",	OUT_STRING,	"none" },
	{ "PORT",	"port",		OUT_NUMBER,	NULL },
	{ "KEEPALIVE",	"keepalive",	OUT_SECONDS,	NULL },
	{ "PEERS",	"peers",	OUT_NUMBER,	NULL },
	{ NULL,		"max_peers",	OUT_NUMBER,	NULL },
	{ "FWMARK",	"fwmark",	OUT_HEX,	NULL },
	{ NULL,		"up",		OUT_SWITCH,	NULL },
	{ NULL,		"tx_batch",	OUT_SWITCH,	NULL },
	{ NULL,		"rx_gro",	OUT_SWITCH,	NULL },
	{ "FLAGS",	NULL,		OUT_STRING,	NULL },
};

#define N_DEV_COLUMNS	(sizeof(dev_columns) / sizeof(*dev_columns))

/* The generic netlink family knows nothing of up and down. */
static bool link_is_up(const char *name)
{
	struct ifreq ifr = { 0 };
	bool up = false;
	int fd;

	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (!ioctl(fd, SIOCGIFFLAGS, &ifr))
		up = ifr.ifr_flags & IFF_UP;
	close(fd);
	return up;
}

struct show {
	struct out *out;
	size_t rows;
};

static int dev_row(const struct at_msg *msg, void *arg)
{
	const struct at_dev *dev = &msg->dev;
	struct show *show = arg;
	char local[ADDR_TEXT_SIZE], flags[32] = "";
	bool up = link_is_up(dev->ifname);

	snprintf(flags, sizeof(flags), "%s%s%s", up ? ",up" : "",
		 dev->tx_batch ? ",tx-batch" : "",
		 dev->rx_gro ? ",rx-gro" : "");

	const struct out_value values[N_DEV_COLUMNS] = {
		out_str(dev->ifname),
		out_num(AT_HAS(msg, AUTOTUNNEL_A_IFINDEX), msg->ifindex),
		out_str(AT_HAS(dev, AUTOTUNNEL_DEV_A_LOCAL) &&
			!IN6_IS_ADDR_UNSPECIFIED(&dev->local) ?
			text_from_ula(&dev->local, local) : NULL),
		out_num(AT_HAS(dev, AUTOTUNNEL_DEV_A_PORT), dev->port),
		out_num(AT_HAS(dev, AUTOTUNNEL_DEV_A_KEEPALIVE),
			dev->keepalive),
		out_num(AT_HAS(dev, AUTOTUNNEL_DEV_A_PEERS), dev->peers),
		out_num(AT_HAS(dev, AUTOTUNNEL_DEV_A_MAX_PEERS),
			dev->max_peers),
		out_num(AT_HAS(dev, AUTOTUNNEL_DEV_A_FWMARK), dev->fwmark),
		out_num(true, up),
		out_num(AT_HAS(dev, AUTOTUNNEL_DEV_A_TX_BATCH), dev->tx_batch),
		out_num(AT_HAS(dev, AUTOTUNNEL_DEV_A_RX_GRO), dev->rx_gro),
		out_str(flags[0] ? flags + 1 : NULL),
	};

	show->rows++;
	return out_row(show->out, values);
}

int cmd_dev_show(int argc, char **argv)
{
	struct at_msg req = { .cmd = AUTOTUNNEL_CMD_DEV_GET };
	struct show show = { 0 };
	struct device dev;
	struct nl_conn *c;
	int err;

	if (argc > 1)
		return fail_usage("'%s' is one word too many", argv[1]);

	err = kernel_open(&c);
	if (err)
		return err;
	if (argc) {
		err = kernel_find_device(argv[0], &dev);
		if (err)
			return err;
		req.have = AT_BIT(AUTOTUNNEL_A_IFINDEX);
		req.ifindex = dev.ifindex;
	}

	show.out = out_begin(dev_columns, N_DEV_COLUMNS, argc);
	if (!show.out)
		return fail_with(CTL_FAILED, "out of memory");

	err = argc ? kernel_request(&req, dev_row, &show) :
		     kernel_dump(&req, dev_row, &show);
	out_end(show.out);
	if (out_failed())
		return CTL_FAILED;
	if (err)
		return fail_kernel(c, err, "cannot read the devices");
	if (!show.rows && out_mode == OUT_TABLE)
		warn("there is no autotunnel device (make one with 'btmm-ctl dev add DEV')");
	return CTL_OK;
}

enum {
	W_LOCAL, W_PORT, W_FWMARK, W_KEEPALIVE, W_TX_BATCH, W_RX_GRO,
	W_MAX_PEERS, W_UP, W_END,
};

/* "up" is for dev add only. */
#define DEV_WORDS(last)	{						\
	[W_LOCAL]	= { .name = "local", .want = "a ULA or none" },		\
	[W_PORT]	= { .name = "port", .want = "1 to 65535" },	\
	[W_FWMARK]	= { .name = "fwmark", .want = "a number or 0xN" }, \
	[W_KEEPALIVE]	= { .name = "keepalive", .want = "seconds or off" }, \
	[W_TX_BATCH]	= { .name = "tx-batch", .want = "on or off" },	\
	[W_RX_GRO]	= { .name = "rx-gro", .want = "on or off" },	\
	[W_MAX_PEERS]	= { .name = "max-peers", .want = "a number" },	\
	[W_UP]		= { .name = (last) },				\
	[W_END]		= { .name = NULL },				\
}

/* The bit of an attribute whose keyword was given. */
static uint32_t given(const struct word *w, unsigned int attr)
{
	return w->given ? AT_BIT(attr) : 0;
}

static int read_settings(const struct word *w, struct at_dev *dev)
{
	uint64_t port = 0, fwmark = 0, keepalive = 0, max_peers = 0;
	int err;

	/* No ULA is ::, which is what dev->local is already. */
	if (w[W_LOCAL].given && strcmp(w[W_LOCAL].value, "none")) {
		err = words_read_ula("local", w[W_LOCAL].value, &dev->local);
		if (err)
			return err;
	}

	err = word_uint(&w[W_PORT], 1, UINT16_MAX, &port) ?:
	      word_uint_or_hex(&w[W_FWMARK], 0, UINT32_MAX, &fwmark) ?:
	      word_uint(&w[W_MAX_PEERS], 1, UINT32_MAX, &max_peers) ?:
	      word_on_off(&w[W_TX_BATCH], &dev->tx_batch) ?:
	      word_on_off(&w[W_RX_GRO], &dev->rx_gro);
	if (!err && w[W_KEEPALIVE].given &&
	    strcmp(w[W_KEEPALIVE].value, "off"))
		err = word_uint(&w[W_KEEPALIVE], 0, UINT16_MAX - 1, &keepalive);
	if (err)
		return err;

	dev->port = (uint16_t)port;
	dev->fwmark = (uint32_t)fwmark;
	dev->keepalive = (uint16_t)keepalive;
	dev->max_peers = (uint32_t)max_peers;
	dev->have = given(&w[W_LOCAL], AUTOTUNNEL_DEV_A_LOCAL) |
		    given(&w[W_PORT], AUTOTUNNEL_DEV_A_PORT) |
		    given(&w[W_FWMARK], AUTOTUNNEL_DEV_A_FWMARK) |
		    given(&w[W_KEEPALIVE], AUTOTUNNEL_DEV_A_KEEPALIVE) |
		    given(&w[W_TX_BATCH], AUTOTUNNEL_DEV_A_TX_BATCH) |
		    given(&w[W_RX_GRO], AUTOTUNNEL_DEV_A_RX_GRO) |
		    given(&w[W_MAX_PEERS], AUTOTUNNEL_DEV_A_MAX_PEERS);
	return CTL_OK;
}

/* The first word of dev add, set and del. */
static int read_name(int argc, char **argv)
{
	const char *why;

	if (!argc)
		return fail_usage("the name of the device is missing");

	why = check_ifname(argv[0]);
	if (why)
		return fail_usage("device '%s': %s", argv[0], why);
	return CTL_OK;
}

int cmd_dev_add(int argc, char **argv)
{
	struct word w[] = DEV_WORDS("up");
	struct at_dev dev = { 0 };
	char local[ADDR_TEXT_SIZE];
	struct nl_conn *c;
	uint32_t ifindex;
	int err;

	err = read_name(argc, argv);
	if (!err)
		err = words_read(w, argc - 1, argv + 1);
	if (!err)
		err = read_settings(w, &dev);
	if (!err)
		err = kernel_open_route(&c);
	if (err)
		return err;

	err = rtnl_link_add(c, argv[0], &dev);
	if (err == -EOPNOTSUPP)
		return fail_with(CTL_FAILED,
				 "the kernel knows no link of kind autotunnel: modprobe autotunnel");
	if (err)
		return fail_kernel(c, err, "cannot make %s", argv[0]);

	ifindex = if_nametoindex(argv[0]);
	if (!ifindex)
		return fail_with(CTL_FAILED, "%s was made, but is gone again",
				 argv[0]);

	if (addr_is_ula(&dev.local)) {
		err = rtnl_addr_add(c, ifindex, &dev.local);
		if (err) {
			fail_kernel(c, err, "cannot give %s the address %s/128",
				    argv[0], text_from_ula(&dev.local, local));
			goto remove;
		}
	}
	if (w[W_UP].given) {
		err = rtnl_link_up(c, ifindex);
		if (err) {
			fail_kernel(c, err, "cannot set %s up", argv[0]);
			if (err == -EADDRINUSE)
				fprintf(stderr, "Another device or program has UDP port %u: 'ss -ulnp' lists them.\n",
					dev.port ? dev.port :
					AUTOTUNNEL_PORT_DEFAULT);
			goto remove;
		}
	}
	return CTL_OK;

remove:
	if (rtnl_link_del(c, ifindex))
		warn("cannot remove %s again: %s", argv[0], c->error);
	return exit_code(err);
}

static int keep_local(const struct at_msg *msg, void *arg)
{
	struct in6_addr *local = arg;

	*local = msg->dev.local;
	return 0;
}

int cmd_dev_set(int argc, char **argv)
{
	struct word w[] = DEV_WORDS(NULL);
	struct at_msg get = {
		.cmd = AUTOTUNNEL_CMD_DEV_GET,
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX),
	};
	struct at_msg req = {
		.cmd = AUTOTUNNEL_CMD_DEV_SET,
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX) | AT_BIT(AUTOTUNNEL_A_DEV),
	};
	struct in6_addr old = { 0 };
	struct nl_conn *c, *route;
	struct device dev;
	int err;

	err = read_name(argc, argv);
	if (!err)
		err = words_read(w, argc - 1, argv + 1);
	if (!err)
		err = read_settings(w, &req.dev);
	if (!err && !req.dev.have)
		err = fail_usage("say what to change");
	if (!err)
		err = kernel_open(&c);
	if (!err)
		err = kernel_open_route(&route);
	if (!err)
		err = kernel_find_device(argv[0], &dev);
	if (err)
		return err;

	req.ifindex = dev.ifindex;
	get.ifindex = dev.ifindex;
	if (w[W_LOCAL].given) {
		err = kernel_request(&get, keep_local, &old);
		if (err)
			return fail_kernel(c, err, "cannot read %s", argv[0]);
	}

	err = kernel_request(&req, NULL, NULL);
	if (err)
		return fail_kernel(c, err, "cannot change %s", argv[0]);
	if (!w[W_LOCAL].given)
		return CTL_OK;

	if (addr_is_ula(&req.dev.local))
		err = rtnl_addr_add(route, dev.ifindex, &req.dev.local);
	if (err)
		return fail_kernel(route, err,
				   "%s was changed, but cannot be given the new address",
				   argv[0]);
	if (addr_is_ula(&old) && memcmp(&old, &req.dev.local, sizeof(old))) {
		err = rtnl_addr_del(route, dev.ifindex, &old);
		if (err && err != -EADDRNOTAVAIL)
			return fail_kernel(route, err,
					   "%s was changed, but the old address cannot be taken off",
					   argv[0]);
	}
	return CTL_OK;
}

int cmd_dev_del(int argc, char **argv)
{
	struct nl_conn *route;
	struct device dev;
	int err;

	err = read_name(argc, argv);
	if (!err && argc > 1)
		err = fail_usage("'%s' is one word too many", argv[1]);
	/* By way of the family: no other kind of link is removed here. */
	if (!err)
		err = kernel_find_device(argv[0], &dev);
	if (!err)
		err = kernel_open_route(&route);
	if (err)
		return err;

	err = rtnl_link_del(route, dev.ifindex);
	if (err)
		return fail_kernel(route, err, "cannot remove %s", argv[0]);
	return CTL_OK;
}
