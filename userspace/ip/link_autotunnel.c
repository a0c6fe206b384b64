// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plug-in for ip(8) of iproute2: "ip link add DEV type autotunnel ..." and
 * "ip -d link show DEV".
 *
 * For a link kind that it does not know, ip loads LIBDIR/ip/link_KIND.so and
 * takes the symbol KIND_link_util from it. There is no public header for
 * that: what is declared here is the least that such a plug-in needs. It is
 * the same in iproute2 4.20 to 7.1 (looked up in every release), and ip exports
 * the functions because it is linked with --export-dynamic.
 *
 * In it there is nothing of btmm but the kernel's own header: the plug-in is
 * loaded into somebody else's program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/autotunnel.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* iproute2: ip/ip_common.h */
struct link_util {
	struct link_util *next;
	const char *id;
	int maxattr;
	int (*parse_opt)(struct link_util *lu, int argc, char **argv,
			 struct nlmsghdr *n);
	void (*print_opt)(struct link_util *lu, FILE *f, struct rtattr *tb[]);
	void (*print_xstats)(struct link_util *lu, FILE *f,
			     struct rtattr *xstats);
	void (*print_help)(struct link_util *lu, int argc, char **argv,
			   FILE *f);
	int (*parse_ifla_xstats)(struct link_util *lu, int argc, char **argv);
	int (*print_ifla_xstats)(struct nlmsghdr *n, void *arg);
};

/* iproute2: include/json_print.h and include/color.h */
enum output_type {
	PRINT_FP = 1,
	PRINT_JSON = 2,
	PRINT_ANY = 4,
};

enum color_attr {
	COLOR_INET6 = 3,
	COLOR_NONE = 6,
};

int print_color_string(enum output_type type, enum color_attr color,
		       const char *key, const char *fmt, const char *value);
int print_color_uint(enum output_type type, enum color_attr color,
		     const char *key, const char *fmt, unsigned int value);
int print_color_bool(enum output_type type, enum color_attr color,
		     const char *key, const char *fmt, bool value);

/* iproute2: include/libnetlink.h */
int addattr_l(struct nlmsghdr *n, int maxlen, int type, const void *data,
	      int alen);

/* How large ip's buffer for a link request is at least. */
#define REQUEST_MAX	1024

static void explain(FILE *f)
{
	fprintf(f,
		"Usage: ... autotunnel [ local ULA ]\n"
		"		[ port PORT ]\n"
		"		[ fwmark MARK ]\n"
		"		[ keepalive SECONDS ]\n"
		"		[ tx-batch { on | off } ]\n"
		"		[ rx-gro { on | off } ]\n"
		"		[ max-peers NUMBER ]\n"
		"\n"
		"Where:	ULA is an address of fc00::/7; PORT is 1 to 65535 (default %d);\n"
		"	keepalive 0 means never (default %d).\n",
		AUTOTUNNEL_PORT_DEFAULT, AUTOTUNNEL_KEEPALIVE_DEFAULT);
}

/* All of @s, decimal or 0x. strtoull() alone takes signs and spaces too. */
static bool to_number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
	const char *p = hex ? s + 2 : s;
	unsigned long long n;

	if (!*p || p[strspn(p, digits)])
		return false;
	if (!hex && p[0] == '0' && p[1])
		return false;

	errno = 0;
	n = strtoull(p, NULL, hex ? 16 : 10);
	if (errno || n < min || n > max)
		return false;

	*out = n;
	return true;
}

static bool is_unsigned(const char *s, uint64_t max, uint64_t *out)
{
	return to_number(s, 0, max, out);
}

/* One keyword and its value into the request; false if the value is wrong. */
static bool add_value(struct nlmsghdr *n, int type, const char *value)
{
	struct in6_addr ula;
	uint64_t num;
	uint32_t u32;
	uint16_t u16;
	uint8_t u8;

	switch (type) {
	case IFLA_AUTOTUNNEL_LOCAL:
		if (inet_pton(AF_INET6, value, &ula) != 1 ||
		    (ula.s6_addr[0] & 0xfe) != 0xfc)
			return false;
		return !addattr_l(n, REQUEST_MAX, type, &ula, sizeof(ula));
	case IFLA_AUTOTUNNEL_PORT:
		if (!to_number(value, 1, UINT16_MAX, &num))
			return false;
		u16 = htons((uint16_t)num);
		return !addattr_l(n, REQUEST_MAX, type, &u16, sizeof(u16));
	case IFLA_AUTOTUNNEL_KEEPALIVE:
		if (!is_unsigned(value, UINT16_MAX, &num))
			return false;
		u16 = (uint16_t)num;
		return !addattr_l(n, REQUEST_MAX, type, &u16, sizeof(u16));
	case IFLA_AUTOTUNNEL_FWMARK:
	case IFLA_AUTOTUNNEL_MAX_PEERS:
		if (!is_unsigned(value, UINT32_MAX, &num))
			return false;
		u32 = (uint32_t)num;
		return !addattr_l(n, REQUEST_MAX, type, &u32, sizeof(u32));
	case IFLA_AUTOTUNNEL_TX_BATCH:
	case IFLA_AUTOTUNNEL_RX_GRO:
		u8 = !strcmp(value, "on");
		if (!u8 && strcmp(value, "off"))
			return false;
		return !addattr_l(n, REQUEST_MAX, type, &u8, sizeof(u8));
	}

	return false;
}

static int autotunnel_parse_opt(struct link_util *lu, int argc, char **argv,
				struct nlmsghdr *n)
{
	static const struct {
		const char *name;
		int type;
	} words[] = {
		{ "local",	IFLA_AUTOTUNNEL_LOCAL },
		{ "port",	IFLA_AUTOTUNNEL_PORT },
		{ "fwmark",	IFLA_AUTOTUNNEL_FWMARK },
		{ "keepalive",	IFLA_AUTOTUNNEL_KEEPALIVE },
		{ "tx-batch",	IFLA_AUTOTUNNEL_TX_BATCH },
		{ "rx-gro",	IFLA_AUTOTUNNEL_RX_GRO },
		{ "max-peers",	IFLA_AUTOTUNNEL_MAX_PEERS },
	};
	const size_t n_words = sizeof(words) / sizeof(*words);
	unsigned int seen = 0;
	size_t w;

	(void)lu;
	for (; argc > 0; argc -= 2, argv += 2) {
		for (w = 0; w < n_words; w++) {
			if (!strcmp(argv[0], words[w].name))
				break;
		}
		if (w == n_words) {
			if (strcmp(argv[0], "help"))
				fprintf(stderr, "autotunnel: unknown word \"%s\"\n",
					argv[0]);
			explain(stderr);
			return -1;
		}
		if (seen & 1u << w) {
			fprintf(stderr, "autotunnel: \"%s\" is given twice\n",
				argv[0]);
			return -1;
		}
		seen |= 1u << w;
		if (argc < 2) {
			fprintf(stderr, "autotunnel: \"%s\" wants a value\n",
				argv[0]);
			return -1;
		}
		if (!add_value(n, words[w].type, argv[1])) {
			fprintf(stderr, "autotunnel: \"%s\" is no value for \"%s\"\n",
				argv[1], argv[0]);
			explain(stderr);
			return -1;
		}
	}

	return 0;
}

/* A value of exactly this length; ip has checked nothing but the table. */
static bool get(struct rtattr *tb[], int type, void *out, size_t len)
{
	if (!tb[type] || RTA_PAYLOAD(tb[type]) != len)
		return false;

	memcpy(out, RTA_DATA(tb[type]), len);
	return true;
}

static void print_switch(struct rtattr *tb[], int type, const char *key,
			 const char *on, const char *off)
{
	uint8_t u8;

	if (!get(tb, type, &u8, sizeof(u8)))
		return;

	print_color_bool(PRINT_JSON, COLOR_NONE, key, NULL, u8);
	print_color_string(PRINT_FP, COLOR_NONE, NULL, "%s ", u8 ? on : off);
}

static void autotunnel_print_opt(struct link_util *lu, FILE *f,
				 struct rtattr *tb[])
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ula;
	uint32_t u32;
	uint16_t u16;

	(void)lu;
	(void)f;
	if (!tb)
		return;

	if (get(tb, IFLA_AUTOTUNNEL_LOCAL, &ula, sizeof(ula)) &&
	    inet_ntop(AF_INET6, &ula, text, sizeof(text))) {
		print_color_string(PRINT_FP, COLOR_NONE, NULL, "%s", "local ");
		print_color_string(PRINT_ANY, COLOR_INET6, "local", "%s ",
				   text);
	}
	if (get(tb, IFLA_AUTOTUNNEL_PORT, &u16, sizeof(u16)))
		print_color_uint(PRINT_ANY, COLOR_NONE, "port", "port %u ",
				 ntohs(u16));
	if (get(tb, IFLA_AUTOTUNNEL_FWMARK, &u32, sizeof(u32)) && u32) {
		snprintf(text, sizeof(text), "0x%x", u32);
		print_color_string(PRINT_ANY, COLOR_NONE, "fwmark",
				   "fwmark %s ", text);
	}
	if (get(tb, IFLA_AUTOTUNNEL_KEEPALIVE, &u16, sizeof(u16)))
		print_color_uint(PRINT_ANY, COLOR_NONE, "keepalive",
				 "keepalive %u ", u16);
	print_switch(tb, IFLA_AUTOTUNNEL_TX_BATCH, "tx_batch", "tx-batch on",
		     "tx-batch off");
	print_switch(tb, IFLA_AUTOTUNNEL_RX_GRO, "rx_gro", "rx-gro on",
		     "rx-gro off");
	if (get(tb, IFLA_AUTOTUNNEL_MAX_PEERS, &u32, sizeof(u32)))
		print_color_uint(PRINT_ANY, COLOR_NONE, "max_peers",
				 "max-peers %u ", u32);
	if (get(tb, IFLA_AUTOTUNNEL_PEERS, &u32, sizeof(u32)))
		print_color_uint(PRINT_ANY, COLOR_NONE, "peers", "peers %u ",
				 u32);
}

static void autotunnel_print_help(struct link_util *lu, int argc, char **argv,
				  FILE *f)
{
	(void)lu;
	(void)argc;
	(void)argv;
	explain(f);
}

struct link_util autotunnel_link_util = {
	.id		= "autotunnel",
	.maxattr	= IFLA_AUTOTUNNEL_MAX,
	.parse_opt	= autotunnel_parse_opt,
	.print_opt	= autotunnel_print_opt,
	.print_help	= autotunnel_print_help,
};
