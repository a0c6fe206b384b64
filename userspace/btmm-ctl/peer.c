// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl peer: one peer at a time. Many at once are in load.c.
 */
#include "peer.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../lib/rtnl/rtnl.h"
#include "../lib/text/number.h"
#include "out.h"

#define HELP_PEER_SETTINGS						\
"  endpoint ADDR:PORT  where the peer is now; [V6]:PORT for IPv6\n"	\
"  local ADDR          send from this address (with endpoint)\n"	\
"  oif IFNAME          send through this interface (with endpoint); its index\n" \
"                      if the device was moved to another network namespace\n" \
"  keepalive SECS      keepalive while idle; 0 or off: never\n"

const char help_peer_show[] =
"ORIGIN says where the endpoint came from: set by netlink, or learnt from an\n"
"authentic packet. LAST HEARD is the age of the last authentic packet, MOVES\n"
"how often the endpoint was learnt anew. With a ULA all that is known of the\n"
"peer is shown, also the endpoint before.\n";

const char help_peer_add[] =
"SETTING is any of\n"
HELP_PEER_SETTINGS
"  noroute             leave the route ULA/128 dev DEV to somebody else\n"
"\n"
"DEV may be left out if there is one tunnel device only.\n"
"\n"
"Of '-' (standard input) or --file FILE, every line is 'ULA [SETTING...]';\n"
"empty lines and what follows # are passed over. All lines are checked before\n"
"the first peer is added. A peer that the kernel refuses does not keep the\n"
"others out; every refusal names its line.\n"
"\n"
"Example: btmm-ctl peer add fd12:3456:789a::2 endpoint 192.0.2.1:4500\n";

const char help_peer_set[] =
"SETTING is any of\n"
HELP_PEER_SETTINGS
"  endpoint none       forget where the peer is\n"
"  keepalive default   as the device\n"
"  route, noroute      add or remove the route ULA/128 dev DEV\n";

const char help_peer_del[] =
"The route ULA/128 dev DEV goes with it, if it is there.\n";

static const struct out_column peer_columns[] = {
	{ "ULA",	"ula",			OUT_STRING,	NULL },
	{ NULL,		"dev",			OUT_STRING,	NULL },
	{ "ENDPOINT",	"endpoint",		OUT_STRING,	"none" },
	{ "ORIGIN",	"origin",		OUT_STRING,	NULL },
	{ NULL,		"endpoint_local",	OUT_STRING,	"any" },
	{ NULL,		"endpoint_oif",		OUT_STRING,	"any" },
	{ NULL,		"previous",		OUT_STRING,	"none" },
	{ NULL,		"keepalive",		OUT_SECONDS,	"default" },
	{ "LAST HEARD",	"last_heard_ms",	OUT_AGE,	"never" },
	{ "RX",		"rx_bytes",		OUT_OCTETS,	NULL },
	{ "TX",		"tx_bytes",		OUT_OCTETS,	NULL },
	{ NULL,		"rx_packets",		OUT_NUMBER,	NULL },
	{ NULL,		"tx_packets",		OUT_NUMBER,	NULL },
	{ "MOVES",	"moves",		OUT_NUMBER,	NULL },
};

#define N_PEER_COLUMNS	(sizeof(peer_columns) / sizeof(*peer_columns))

const char *endpoint_text(const struct at_endpoint *ep, char *out)
{
	if (!AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_ADDR))
		return NULL;

	return text_from_endpoint(&ep->addr, ep->port, out);
}

const char *origin_text(const struct at_endpoint *ep)
{
	if (!AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_ORIGIN))
		return NULL;

	switch (ep->origin) {
	case AUTOTUNNEL_ORIGIN_SET:
		return "set";
	case AUTOTUNNEL_ORIGIN_LEARNT:
		return "learnt";
	default:
		return "unknown";
	}
}

const char *ifname_text(uint32_t ifindex, char *out)
{
	if (!if_indextoname(ifindex, out))
		snprintf(out, IFNAMSIZ, "%u", ifindex);

	return out;
}

struct show {
	struct out *out;
	const struct device *dev;
	size_t rows;
};

static int peer_row(const struct at_msg *msg, void *arg)
{
	char ula[ADDR_TEXT_SIZE], local[ADDR_TEXT_SIZE], oif[IFNAMSIZ];
	char endpoint[ENDPOINT_TEXT_SIZE], previous[ENDPOINT_TEXT_SIZE];
	const struct at_peer *p = &msg->peer;
	const struct at_endpoint *ep = &p->endpoint;
	struct show *show = arg;

	if (!AT_HAS(p, AUTOTUNNEL_PEER_A_ULA))
		return 0;

	const struct out_value values[N_PEER_COLUMNS] = {
		out_str(text_from_ula(&p->ula, ula)),
		out_str(show->dev->name),
		out_str(endpoint_text(ep, endpoint)),
		out_str(origin_text(ep)),
		out_str(AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_LOCAL) ?
			text_from_addr(&ep->local, local) : NULL),
		out_str(AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_OIF) ?
			ifname_text(ep->oif, oif) : NULL),
		out_str(endpoint_text(&p->previous, previous)),
		out_num(AT_HAS(p, AUTOTUNNEL_PEER_A_KEEPALIVE) &&
			p->keepalive != AUTOTUNNEL_KEEPALIVE_DEV,
			p->keepalive),
		out_num(AT_HAS(p, AUTOTUNNEL_PEER_A_RX_AGE), p->rx_age),
		out_num(AT_HAS(p, AUTOTUNNEL_PEER_A_RX_BYTES), p->rx_bytes),
		out_num(AT_HAS(p, AUTOTUNNEL_PEER_A_TX_BYTES), p->tx_bytes),
		out_num(AT_HAS(p, AUTOTUNNEL_PEER_A_RX_PACKETS),
			p->rx_packets),
		out_num(AT_HAS(p, AUTOTUNNEL_PEER_A_TX_PACKETS),
			p->tx_packets),
		out_num(AT_HAS(p, AUTOTUNNEL_PEER_A_MOVES), p->moves),
	};

	show->rows++;
	return out_row(show->out, values);
}

int cmd_peer_show(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "dev", .want = "the name of a tunnel device" },
		{ .name = NULL },
	};
	struct at_msg req = {
		.cmd = AUTOTUNNEL_CMD_PEER_GET,
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX),
	};
	struct device dev;
	struct show show = { .dev = &dev };
	struct nl_conn *c;
	const char *one = NULL;
	int err;

	if (argc && !word_find(w, argv[0])) {
		one = argv[0];
		err = words_read_ula("peer", one, &req.peer.ula);
		if (err)
			return err;
		req.have |= AT_BIT(AUTOTUNNEL_A_PEER);
		req.peer.have = AT_BIT(AUTOTUNNEL_PEER_A_ULA);
		argc--;
		argv++;
	}
	err = words_read(w, argc, argv);
	if (!err)
		err = kernel_open(&c);
	if (!err)
		err = kernel_find_device(w[0].value, &dev);
	if (err)
		return err;

	req.ifindex = dev.ifindex;
	show.out = out_begin(peer_columns, N_PEER_COLUMNS, one);
	if (!show.out)
		return fail_with(CTL_FAILED, "out of memory");

	err = one ? kernel_request(&req, peer_row, &show) :
		    kernel_dump(&req, peer_row, &show);
	out_end(show.out);
	if (out_failed())
		return CTL_FAILED;
	if (err && one)
		return fail_kernel(c, err, "cannot read peer %s of %s", one,
				   dev.name);
	if (err)
		return fail_kernel(c, err, "cannot read the peers of %s",
				   dev.name);
	if (!show.rows && out_mode == OUT_TABLE)
		warn("%s has no peers (add one with 'btmm-ctl peer add')",
		     dev.name);
	return CTL_OK;
}

/*
 * Reading peers. What is wrong goes to @why, since it may be about a line of
 * a file as well as about the command line.
 */

enum {
	W_DEV, W_ENDPOINT, W_LOCAL, W_OIF, W_KEEPALIVE, W_ROUTE, W_NOROUTE,
	W_MAX,
};

static const char *const word_names[W_MAX] = {
	[W_DEV]		= "dev",
	[W_ENDPOINT]	= "endpoint",
	[W_LOCAL]	= "local",
	[W_OIF]		= "oif",
	[W_KEEPALIVE]	= "keepalive",
	[W_ROUTE]	= "route",
	[W_NOROUTE]	= "noroute",
};

static bool __attribute__((format(printf, 2, 3)))
wrong(struct peer_line *line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line->why, sizeof(line->why), fmt, ap);
	va_end(ap);
	return false;
}

static bool read_endpoint(struct peer_line *line, const char *text)
{
	struct at_endpoint *ep = &line->peer.endpoint;
	const char *why;

	line->peer.have |= AT_BIT(AUTOTUNNEL_PEER_A_ENDPOINT);
	if (!strcmp(text, "none")) {
		/* A new peer has none; to take one away, send an empty nest. */
		if (line->is_new)
			line->peer.have &= ~AT_BIT(AUTOTUNNEL_PEER_A_ENDPOINT);
		return true;
	}

	why = text_to_endpoint(text, &ep->addr, &ep->port);
	if (why)
		return wrong(line, "endpoint '%s': %s", text, why);

	ep->have |= AT_BIT(AUTOTUNNEL_ENDPOINT_A_ADDR) |
		    AT_BIT(AUTOTUNNEL_ENDPOINT_A_PORT);
	return true;
}

static bool read_local(struct peer_line *line, const char *text)
{
	struct at_endpoint *ep = &line->peer.endpoint;
	const char *why = text_to_addr(text, &ep->local);

	if (why)
		return wrong(line, "local '%s': %s", text, why);

	ep->have |= AT_BIT(AUTOTUNNEL_ENDPOINT_A_LOCAL);
	return true;
}

static bool read_oif(struct peer_line *line, const char *text)
{
	struct at_endpoint *ep = &line->peer.endpoint;
	uint64_t n = if_nametoindex(text);

	if (!n && text_to_uint(text, 1, INT32_MAX, &n)) {
		const char *why = check_ifname(text);

		return wrong(line, "oif '%s': %s", text,
			     why ? why : "there is no such interface");
	}

	ep->oif = (uint32_t)n;
	ep->have |= AT_BIT(AUTOTUNNEL_ENDPOINT_A_OIF);
	return true;
}

static bool read_keepalive(struct peer_line *line, const char *text)
{
	uint64_t n = 0;

	line->peer.have |= AT_BIT(AUTOTUNNEL_PEER_A_KEEPALIVE);
	if (!strcmp(text, "default")) {
		line->peer.keepalive = AUTOTUNNEL_KEEPALIVE_DEV;
		if (line->is_new)
			line->peer.have &= ~AT_BIT(AUTOTUNNEL_PEER_A_KEEPALIVE);
		return true;
	}
	if (strcmp(text, "off") &&
	    text_to_uint(text, 0, AUTOTUNNEL_KEEPALIVE_DEV - 1, &n))
		return wrong(line, "keepalive '%s': want seconds from 0 to %u, off or default",
			     text, AUTOTUNNEL_KEEPALIVE_DEV - 1);

	line->peer.keepalive = (uint16_t)n;
	return true;
}

static bool read_words(struct peer_line *line, int argc, char **argv,
		       bool dev_allowed)
{
	bool given[W_MAX] = { false };
	int i, w;

	for (i = 0; i < argc; i++) {
		const char *value = NULL;

		for (w = dev_allowed ? 0 : W_DEV + 1; w < W_MAX; w++) {
			if (!strcmp(argv[i], word_names[w]))
				break;
		}
		if (w == W_MAX)
			return wrong(line, "unknown word '%s' (allowed here: %sendpoint, local, oif, keepalive, route, noroute)",
				     argv[i], dev_allowed ? "dev, " : "");
		if (given[w])
			return wrong(line, "'%s' is given twice", argv[i]);
		given[w] = true;

		if (w != W_ROUTE && w != W_NOROUTE) {
			if (++i == argc)
				return wrong(line, "%s: value is missing",
					     word_names[w]);
			value = argv[i];
		}

		switch (w) {
		case W_DEV:
			line->dev = value;
			break;
		case W_ENDPOINT:
			if (!read_endpoint(line, value))
				return false;
			break;
		case W_LOCAL:
			if (!read_local(line, value))
				return false;
			break;
		case W_OIF:
			if (!read_oif(line, value))
				return false;
			break;
		case W_KEEPALIVE:
			if (!read_keepalive(line, value))
				return false;
			break;
		case W_ROUTE:
			line->route = ROUTE_ADD;
			break;
		case W_NOROUTE:
			line->route = line->is_new ? ROUTE_LEAVE : ROUTE_DEL;
			break;
		}
	}

	if (given[W_ROUTE] && given[W_NOROUTE])
		return wrong(line, "route and noroute exclude each other");
	return true;
}

bool peer_line_read(struct peer_line *line, bool is_new, bool dev_allowed,
		    int argc, char **argv)
{
	const struct at_endpoint *ep = &line->peer.endpoint;
	const char *why;

	memset(line, 0, sizeof(*line));
	line->is_new = is_new;
	line->route = is_new ? ROUTE_ADD : ROUTE_LEAVE;
	line->peer.have = AT_BIT(AUTOTUNNEL_PEER_A_ULA);

	if (!argc)
		return wrong(line, "the peer's ULA is missing");
	why = text_to_ula(argv[0], &line->peer.ula);
	if (why)
		return wrong(line, "peer '%s': %s", argv[0], why);
	if (!read_words(line, argc - 1, argv + 1, dev_allowed))
		return false;

	/* How an endpoint is reached goes with the endpoint. */
	if (ep->have && !AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_ADDR))
		return wrong(line, "%s is wanted with an endpoint only",
			     AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_LOCAL) ?
			     "local" : "oif");
	if (AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_LOCAL) &&
	    ep->local.len != ep->addr.len)
		return wrong(line, "endpoint and local are not of the same IP version");
	return true;
}

int peer_route_failed(const struct nl_conn *route, int err, const char *ula,
		      const char *dev)
{
	fail_kernel(route, err, "cannot add the route %s/128 dev %s", ula, dev);
	if (err == -ENETDOWN)
		fprintf(stderr, "Set the device up first ('ip link set %s up'), or use noroute.\n",
			dev);
	return exit_code(err);
}

static int change_peer(bool is_new, int argc, char **argv)
{
	struct at_msg req = {
		.cmd = is_new ? AUTOTUNNEL_CMD_PEER_NEW :
				AUTOTUNNEL_CMD_PEER_SET,
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX) |
			AT_BIT(AUTOTUNNEL_A_PEER),
	};
	struct nl_conn *c, *route = NULL;
	struct peer_line line;
	struct device dev;
	int err;

	if (!peer_line_read(&line, is_new, true, argc, argv))
		return fail_usage("%s", line.why);
	if (!is_new && line.peer.have == AT_BIT(AUTOTUNNEL_PEER_A_ULA) &&
	    line.route == ROUTE_LEAVE)
		return fail_usage("say what to change");

	err = kernel_open(&c);
	if (!err)
		err = kernel_find_device(line.dev, &dev);
	if (!err && line.route != ROUTE_LEAVE)
		err = kernel_open_route(&route);
	if (err)
		return err;

	req.ifindex = dev.ifindex;
	req.peer = line.peer;
	err = kernel_request(&req, NULL, NULL);
	if (err)
		return fail_kernel(c, err, "cannot %s peer %s %s %s",
				   is_new ? "add" : "change", argv[0],
				   is_new ? "to" : "of", dev.name);

	if (line.route == ROUTE_ADD) {
		err = rtnl_route_add(route, dev.ifindex, &line.peer.ula);
		if (!err)
			return CTL_OK;

		peer_route_failed(route, err, argv[0], dev.name);
		if (is_new) {
			/* All or nothing. */
			req.cmd = AUTOTUNNEL_CMD_PEER_DEL;
			req.peer.have = AT_BIT(AUTOTUNNEL_PEER_A_ULA);
			if (kernel_request(&req, NULL, NULL))
				warn("cannot remove the peer again: %s",
				     c->error);
		}
		return exit_code(err);
	}
	if (line.route == ROUTE_DEL) {
		err = rtnl_route_del(route, dev.ifindex, &line.peer.ula);
		if (err && err != -ESRCH)
			return fail_kernel(route, err,
					   "cannot remove the route %s/128 dev %s",
					   argv[0], dev.name);
	}
	return CTL_OK;
}

int cmd_peer_add(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "--file", .want = "the name of a file" },
		{ .name = "dev", .want = "the name of a tunnel device" },
		{ .name = NULL },
	};
	bool standard_input = argc && !strcmp(argv[0], "-");
	int err;

	if (standard_input || (argc && word_find(w, argv[0]) == &w[0])) {
		err = words_read(w, argc - standard_input,
				 argv + standard_input);
		if (err)
			return err;
		if (standard_input && w[0].given)
			return fail_usage("- and --file exclude each other");
		return peer_load(w[0].value, w[1].value);
	}

	return change_peer(true, argc, argv);
}

int cmd_peer_set(int argc, char **argv)
{
	return change_peer(false, argc, argv);
}

int cmd_peer_del(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "dev", .want = "the name of a tunnel device" },
		{ .name = NULL },
	};
	struct at_msg req = {
		.cmd = AUTOTUNNEL_CMD_PEER_DEL,
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX) |
			AT_BIT(AUTOTUNNEL_A_PEER),
		.peer.have = AT_BIT(AUTOTUNNEL_PEER_A_ULA),
	};
	struct nl_conn *c, *route;
	struct device dev;
	int err;

	if (!argc)
		return fail_usage("the peer's ULA is missing");
	err = words_read_ula("peer", argv[0], &req.peer.ula);
	if (!err)
		err = words_read(w, argc - 1, argv + 1);
	if (!err)
		err = kernel_open(&c);
	if (!err)
		err = kernel_open_route(&route);
	if (!err)
		err = kernel_find_device(w[0].value, &dev);
	if (err)
		return err;

	req.ifindex = dev.ifindex;
	err = kernel_request(&req, NULL, NULL);
	if (err)
		return fail_kernel(c, err, "cannot remove peer %s of %s",
				   argv[0], dev.name);

	err = rtnl_route_del(route, dev.ifindex, &req.peer.ula);
	if (err && err != -ESRCH)
		return fail_kernel(route, err,
				   "the peer is removed, but not its route %s/128 dev %s",
				   argv[0], dev.name);
	return CTL_OK;
}
