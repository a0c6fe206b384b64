// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The two netlink connections of btmm-ctl, and how devices are found.
 */
#include <ctype.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#include "../lib/rtnl/rtnl.h"
#include "../lib/text/human.h"
#include "ctl.h"

static struct nl_conn genl_conn, route_conn;

int kernel_open(struct nl_conn **out)
{
	int err;

	if (!genl_conn.sk) {
		err = nl_conn_open_generic(&genl_conn, AUTOTUNNEL_GENL_NAME,
					   AUTOTUNNEL_GENL_VERSION);
		if (err) {
			fail_with(0, "%s", genl_conn.error);
			return err == -EPERM ? CTL_DENIED : CTL_FAILED;
		}
		genl_conn.schema = &at_schema;
	}

	*out = &genl_conn;
	return CTL_OK;
}

int kernel_open_route(struct nl_conn **out)
{
	if (!route_conn.sk && nl_conn_open_route(&route_conn))
		return fail_with(CTL_FAILED, "%s", route_conn.error);

	*out = &route_conn;
	return CTL_OK;
}

void kernel_close(void)
{
	nl_conn_close(&genl_conn);
	nl_conn_close(&route_conn);
}

struct decode_to {
	at_msg_fn fn;
	void *arg;
};

int kernel_decode(const struct nlmsghdr *nlh, const void *payload, size_t len,
		  at_msg_fn fn, void *arg)
{
	struct genlmsghdr genl;
	struct at_msg msg;
	int err;

	/* Neither ours nor to be expected; a newer kernel may have reasons. */
	if (nlh->nlmsg_type != genl_conn.family)
		return 0;

	err = -EBADMSG;
	if (len >= GENL_HDRLEN) {
		memcpy(&genl, payload, sizeof(genl));
		err = at_msg_decode(&msg, genl.cmd,
				    (const uint8_t *)payload + GENL_HDRLEN,
				    len - GENL_HDRLEN);
	}
	if (err) {
		snprintf(genl_conn.error, sizeof(genl_conn.error),
			 "the kernel's answer is malformed");
		return err;
	}

	return fn ? fn(&msg, arg) : 0;
}

static int decode_message(const struct nlmsghdr *nlh, const void *payload,
			  size_t len, void *arg)
{
	struct decode_to *to = arg;

	return kernel_decode(nlh, payload, len, to->fn, to->arg);
}

static int request(const struct at_msg *req, uint16_t flags, at_msg_fn fn,
		   void *arg)
{
	struct decode_to to = { .fn = fn, .arg = arg };
	uint8_t buf[4096];
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	size_t msg;

	msg = nl_genl_begin(&w, &genl_conn, req->cmd, flags);
	at_msg_encode(&w, req);
	nl_msg_end(&w, msg);
	return nl_conn_request(&genl_conn, &w, decode_message, &to);
}

int kernel_request(const struct at_msg *req, at_msg_fn fn, void *arg)
{
	return request(req, 0, fn, arg);
}

int kernel_dump(const struct at_msg *req, at_msg_fn fn, void *arg)
{
	int err = request(req, NLM_F_DUMP, fn, arg);

	if (!err && genl_conn.dump_changed)
		warn("the list changed while it was read; it may lack or repeat some");
	return err;
}

const char *check_ifname(const char *name)
{
	const char *p;

	if (!*name || strlen(name) >= IFNAMSIZ)
		return "an interface name has 1 to 15 characters";
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return "this is no interface name";
	for (p = name; *p; p++) {
		if (*p == '/' || *p == ':' || isspace((unsigned char)*p))
			return "an interface name has no slash, colon or space";
	}

	return NULL;
}

struct search {
	const char *name;
	struct device *out;
	unsigned int found;
	char names[256];
};

static int search_device(const struct at_msg *msg, void *arg)
{
	struct search *s = arg;
	char name[IFNAMSIZ];
	size_t used;

	if (!AT_HAS(msg, AUTOTUNNEL_A_IFINDEX) ||
	    !AT_HAS(&msg->dev, AUTOTUNNEL_DEV_A_IFNAME))
		return 0;

	text_printable(msg->dev.ifname, sizeof(msg->dev.ifname), name,
		       sizeof(name));
	used = strlen(s->names);
	snprintf(s->names + used, sizeof(s->names) - used, "%s%s",
		 used ? ", " : "", name);

	if (s->name && strcmp(s->name, msg->dev.ifname))
		return 0;
	if (!s->found++) {
		s->out->ifindex = msg->ifindex;
		memcpy(s->out->name, msg->dev.ifname, sizeof(s->out->name));
	}
	return 0;
}

int kernel_find_device(const char *name, struct device *out)
{
	struct at_msg req = { .cmd = AUTOTUNNEL_CMD_DEV_GET };
	struct search s = { .name = name, .out = out };
	struct nl_conn *c;
	const char *why;
	int err;

	if (name) {
		why = check_ifname(name);
		if (why)
			return fail_usage("dev '%s': %s", name, why);
	}

	err = kernel_open(&c);
	if (err)
		return err;

	err = request(&req, NLM_F_DUMP, search_device, &s);
	if (err)
		return fail_kernel(c, err, "cannot list the devices");
	if (s.found == 1)
		return CTL_OK;

	if (!s.names[0])
		return fail_with(CTL_NOT_FOUND,
				 "there is no autotunnel device%s%s%s (make one with 'btmm-ctl dev add DEV')",
				 name ? " '" : "", name ? name : "", name ? "'" : "");
	if (name)
		return fail_with(CTL_NOT_FOUND,
				 "there is no autotunnel device '%s' (there are: %s)",
				 name, s.names);
	return fail_usage("there are several autotunnel devices (%s): say which with 'dev DEV'",
			  s.names);
}
