// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl monitor
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../lib/text/number.h"
#include "ctl.h"
#include "daemon.h"
#include "events.h"
#include "out.h"
#include "peer.h"

const char help_monitor[] =
"Shows what the kernel tells the daemon, one line per event:\n"
"  endpoint   a peer's endpoint was learnt from an authentic packet\n"
"  stale      packets go to a peer, nothing authentic comes back\n"
"  source     ESP came that no security association takes\n"
"  ike        IKE came from an unknown source and is held for an answer\n"
"  dgram      a datagram for the daemon came to the tunnel port\n"
"  lost       events came faster than they were read, and some are missing\n"
"and, of btmmd, what is not as it was:\n"
"  host, mapping, publication, subscription, ike, peer, daemon\n"
"\n"
"  kernel       the kernel's only; else without btmmd, too, if it does not run\n"
"  daemon       btmmd's only, which everybody may see\n"
"  count N      ends after N events\n"
HELP_SOCKET
"\n"
"With --json every line is an object. 'listening' on standard error says that\n"
"no event from then on is missed.\n";

#define TIME_SIZE	32

static const struct out_column event_columns[] = {
	{ NULL, "time",			OUT_STRING,	NULL },
	{ NULL, "event",		OUT_STRING,	NULL },
	{ NULL, "dev",			OUT_STRING,	NULL },
	{ NULL, "ifindex",		OUT_NUMBER,	NULL },
	{ NULL, "ula",			OUT_STRING,	NULL },
	{ NULL, "endpoint",		OUT_STRING,	NULL },
	{ NULL, "previous",		OUT_STRING,	NULL },
	{ NULL, "endpoint_local",	OUT_STRING,	NULL },
	{ NULL, "endpoint_oif",		OUT_NUMBER,	NULL },
	{ NULL, "moves",		OUT_NUMBER,	NULL },
	{ NULL, "spi",			OUT_STRING,	NULL },
	{ NULL, "hold",			OUT_STRING,	NULL },
	{ NULL, "ike_spi_i",		OUT_STRING,	NULL },
	{ NULL, "ike_exchange",		OUT_NUMBER,	NULL },
	{ NULL, "dgram",		OUT_STRING,	NULL },
};

#define N_EVENT_COLUMNS	(sizeof(event_columns) / sizeof(*event_columns))

struct monitor {
	uint64_t count;
	bool limited;
	bool done;
	struct events daemon;
};

/* Are these all that were asked for? */
static bool is_last(struct monitor *m)
{
	if (m->limited && !--m->count)
		m->done = true;
	return m->done || out_failed();
}

/* UTC with milliseconds, RFC 3339. */
static const char *now_text(char out[TIME_SIZE])
{
	struct timespec now;
	struct tm tm;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	used = strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + used, TIME_SIZE - used, ".%03dZ",
		 (int)(now.tv_nsec / 1000000) % 1000);
	return out;
}

static const char *event_name(uint8_t cmd)
{
	switch (cmd) {
	case AUTOTUNNEL_CMD_ENDPOINT_NTF:
		return "endpoint";
	case AUTOTUNNEL_CMD_STALE_NTF:
		return "stale";
	case AUTOTUNNEL_CMD_SOURCE_NTF:
		return "source";
	case AUTOTUNNEL_CMD_IKE_NTF:
		return "ike";
	case AUTOTUNNEL_CMD_DGRAM_NTF:
		return "dgram";
	default:
		return NULL;
	}
}

/* Texts of an event; NULL where there is nothing. */
struct event {
	const char *name, *dev, *ula, *endpoint, *previous, *local, *spi;
	const char *hold, *spi_i, *dgram;
	const struct at_msg *msg;
	/* The endpoint that it is about: the message's own or the peer's. */
	const struct at_endpoint *ep;
};

static void event_as_json(const struct event *e)
{
	const struct at_msg *msg = e->msg;
	char now[TIME_SIZE];
	const struct out_value values[N_EVENT_COLUMNS] = {
		out_str(now_text(now)),
		out_str(e->name),
		out_str(e->dev),
		out_num(AT_HAS(msg, AUTOTUNNEL_A_IFINDEX), msg->ifindex),
		out_str(e->ula),
		out_str(e->endpoint),
		out_str(e->previous),
		out_str(e->local),
		out_num(AT_HAS(e->ep, AUTOTUNNEL_ENDPOINT_A_OIF), e->ep->oif),
		out_num(AT_HAS(&msg->peer, AUTOTUNNEL_PEER_A_MOVES),
			msg->peer.moves),
		out_str(e->spi),
		out_str(e->hold),
		out_str(e->spi_i),
		out_num(AT_HAS(msg, AUTOTUNNEL_A_IKE_EXCHANGE),
			msg->ike_exchange),
		out_str(e->dgram),
	};

	out_json_line(event_columns, N_EVENT_COLUMNS, values);
}

static void field(const char *label, const char *value)
{
	if (value)
		fprintf(out_file, " %s%s%s", label, label[0] ? " " : "", value);
}

static void event_as_text(const struct event *e)
{
	char now[TIME_SIZE];

	fprintf(out_file, "%s", now_text(now));
	field("", e->dev);
	field("", e->name);
	field("peer", e->ula);
	field("endpoint", e->endpoint);
	field("previous", e->previous);
	field("local", e->local);
	field("spi", e->spi);
	field("hold", e->hold);
	field("initiator-spi", e->spi_i);
	if (AT_HAS(e->msg, AUTOTUNNEL_A_IKE_EXCHANGE))
		fprintf(out_file, " exchange %u", e->msg->ike_exchange);
	field("octets", e->dgram);
	fputc('\n', out_file);
	fflush(out_file);
}

static int show_event(const struct at_msg *msg, void *arg)
{
	static char dgram[2 * UINT16_MAX + 1];
	char dev[IFNAMSIZ], ula[ADDR_TEXT_SIZE], local[ADDR_TEXT_SIZE];
	char endpoint[ENDPOINT_TEXT_SIZE], previous[ENDPOINT_TEXT_SIZE];
	char spi[16], hold[24], spi_i[17];
	struct event e = { .msg = msg, .ep = &msg->peer.endpoint };
	struct monitor *m = arg;

	e.name = event_name(msg->cmd);
	/* Of a newer kernel. */
	if (!e.name)
		return 0;

	if (AT_HAS(msg, AUTOTUNNEL_A_ENDPOINT))
		e.ep = &msg->endpoint;
	if (AT_HAS(msg, AUTOTUNNEL_A_IFINDEX))
		e.dev = ifname_text(msg->ifindex, dev);
	if (AT_HAS(&msg->peer, AUTOTUNNEL_PEER_A_ULA))
		e.ula = text_from_ula(&msg->peer.ula, ula);
	e.endpoint = endpoint_text(e.ep, endpoint);
	e.previous = endpoint_text(&msg->peer.previous, previous);
	if (AT_HAS(e.ep, AUTOTUNNEL_ENDPOINT_A_LOCAL))
		e.local = text_from_addr(&e.ep->local, local);
	if (AT_HAS(msg, AUTOTUNNEL_A_ESP_SPI)) {
		snprintf(spi, sizeof(spi), "0x%08x", msg->esp_spi);
		e.spi = spi;
	}
	if (AT_HAS(msg, AUTOTUNNEL_A_HOLD)) {
		/* Text, for JSON readers that count in floating point. */
		snprintf(hold, sizeof(hold), "%" PRIu64, msg->hold);
		e.hold = hold;
	}
	if (AT_HAS(msg, AUTOTUNNEL_A_IKE_SPI_I)) {
		text_from_bytes(msg->ike_spi_i, sizeof(msg->ike_spi_i), spi_i);
		e.spi_i = spi_i;
	}
	if (AT_HAS(msg, AUTOTUNNEL_A_DGRAM)) {
		text_from_bytes(msg->dgram, msg->dgram_len, dgram);
		e.dgram = dgram;
	}

	if (out_mode == OUT_JSON)
		event_as_json(&e);
	else
		event_as_text(&e);

	return is_last(m) ? -ECANCELED : 0;
}

static void show_lost(void)
{
	const struct at_msg nothing = { 0 };
	const struct event e = {
		.name = "lost",
		.msg = &nothing,
		.ep = &nothing.endpoint,
	};

	if (out_mode == OUT_JSON)
		event_as_json(&e);
	else
		event_as_text(&e);
}

/* --- btmmd's ---------------------------------------------------------------- */

static void show_daemon_event(const json_t *event)
{
	char now[TIME_SIZE];
	const char *key, *text;
	json_t *o, *value;

	if (out_mode == OUT_JSON) {
		o = json_pack("{s:s s:s}", "time", now_text(now), "source", "btmmd");
		json_object_update(o, (json_t *)event);
		json_dumpf(o, out_file, JSON_COMPACT | JSON_ENSURE_ASCII);
		json_decref(o);
	} else {
		text = daemon_text(event, "event");
		fprintf(out_file, "%s btmmd %s", now_text(now), text ? text : "?");
		json_object_foreach((json_t *)event, key, value) {
			text = strcmp(key, "event") ? daemon_text(event, key) : NULL;
			if (text)
				fprintf(out_file, " %s %s", key, text);
		}
	}
	fputc('\n', out_file);
	fflush(out_file);
}

/* False: that was the last one. */
static bool take_daemon_events(struct monitor *m)
{
	bool there, last = false;
	char why[EVENTS_WHY];
	json_t *event;

	there = events_read(&m->daemon, why);
	while (!last && (event = events_next(&m->daemon))) {
		const char *end = daemon_text(event, "why");

		if (events_end(event)) {
			snprintf(why, sizeof(why), "%s", end ? end : "btmmd tells no more");
			there = false;
		} else {
			show_daemon_event(event);
			last = is_last(m);
		}
		json_decref(event);
	}
	if (!there && !last) {
		warn("%s", why);
		events_close(&m->daemon);
	}
	return !last;
}

/* --- both ------------------------------------------------------------------- */

static int receive(const struct nlmsghdr *nlh, const void *payload, size_t len,
		   void *arg)
{
	return kernel_decode(nlh, payload, len, show_event, arg);
}

static int open_kernel(struct nl_conn **out)
{
	static const char *const groups[] = {
		AUTOTUNNEL_MCGRP_PEERS,
		AUTOTUNNEL_MCGRP_IKE,
		AUTOTUNNEL_MCGRP_DGRAMS,
	};
	struct nl_conn *c;
	size_t i;
	int err = kernel_open(&c);

	if (err)
		return err;
	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		err = nl_conn_join(c, AUTOTUNNEL_GENL_NAME, groups[i]);
		if (err)
			return fail_kernel(c, err, "cannot watch events");
	}
	*out = c;
	return CTL_OK;
}

/* @c is NULL without the kernel. */
static int watch(struct monitor *m, struct nl_conn *c)
{
	struct pollfd p[] = {
		{ .fd = c ? c->fd : -1, .events = POLLIN },
		{ .fd = m->daemon.fd, .events = POLLIN },
	};
	int err;

	while (c || m->daemon.fd >= 0) {
		p[1].fd = m->daemon.fd;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return fail_with(CTL_FAILED, "poll: %s", strerror(errno));
		if (p[1].revents && !take_daemon_events(m))
			break;
		if (!p[0].revents)
			continue;
		err = nl_conn_receive(c, receive, m);
		if (m->done)
			break;
		if (out_failed())
			return CTL_FAILED;
		if (err == -ENOBUFS)
			show_lost();
		else if (err == -EBADMSG)
			warn("%s; it is passed over", c->error);
		else if (err)
			return fail_kernel(c, err, "cannot watch events");
	}
	/* Without the kernel's, that btmmd went is the end. */
	return m->done ? CTL_OK : CTL_FAILED;
}

int cmd_monitor(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "count", .want = "a number of events" },
		{ .name = "kernel" },
		{ .name = "daemon" },
		WORD_SOCKET,
		{ .name = NULL },
	};
	struct monitor m = { .daemon.fd = -1 };
	char path[DAEMON_SOCKET_SIZE], why[EVENTS_WHY];
	struct nl_conn *c = NULL;
	int err, code = CTL_OK;

	err = words_read(w, argc, argv);
	if (!err)
		err = word_uint(&w[0], 1, UINT32_MAX, &m.count);
	if (!err && w[1].given && w[2].given)
		err = fail_usage("kernel and daemon exclude each other");
	if (err)
		return err;

	m.limited = w[0].given;
	if (!w[1].given) {
		err = events_open(&m.daemon, daemon_socket(w[3].value, path), why);
		if (err && w[2].given)
			return daemon_fail(err, why);
	}
	if (!w[2].given) {
		code = open_kernel(&c);
		if (code && m.daemon.fd < 0)
			return code;
		if (!code && err)
			warn("the kernel's events only: %s", why);
	}
	fputs("listening\n", stderr);
	code = watch(&m, code ? NULL : c);
	events_close(&m.daemon);
	return code;
}
