/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A netlink socket: requests, dumps, many requests in few system calls, and
 * refusals as a sentence. libnl makes the socket and resolves the family; the
 * messages are read here, because every length in them is checked and lost
 * events must be told from lack of memory.
 */
#ifndef BTMM_NETLINK_CONN_H
#define BTMM_NETLINK_CONN_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"
#include "schema.h"

struct nl_sock;

#define NL_ERROR_SIZE	512

/**
 * struct nl_conn - one socket
 * @sk: libnl's socket
 * @fd: its descriptor
 * @seq: sequence number of the last request
 * @family: message type, for generic netlink
 * @version: of the family
 * @schema: names the attributes of requests in @error; may be NULL
 * @schema_skip: octets between the netlink header and the attributes
 * @error: why the last call failed, a sentence without the final stop
 * @dump_changed: the last dump met a change while it ran
 */
struct nl_conn {
	struct nl_sock *sk;
	int fd;
	uint32_t seq;
	uint16_t family;
	uint8_t version;
	const struct nl_schema *schema;
	size_t schema_skip;
	char error[NL_ERROR_SIZE];
	bool dump_changed;
};

/*
 * All functions that return int give 0 or more, or a negative errno with
 * conn->error set.
 */
int nl_conn_open_route(struct nl_conn *c);
int nl_conn_open_generic(struct nl_conn *c, const char *family,
			 uint8_t version);
void nl_conn_close(struct nl_conn *c);

/* Join a multicast group of the generic netlink family. */
int nl_conn_join(struct nl_conn *c, const char *family, const char *group);

/**
 * nl_msg_begin - begin a message in @w
 * @hdr: what stands between the netlink header and the attributes
 *
 * Return: what nl_msg_end() wants.
 */
size_t nl_msg_begin(struct nl_writer *w, uint16_t type, uint16_t flags,
		    const void *hdr, size_t hdr_len);
void nl_msg_end(struct nl_writer *w, size_t msg);

/* The same for generic netlink. */
size_t nl_genl_begin(struct nl_writer *w, const struct nl_conn *c, uint8_t cmd,
		     uint16_t flags);

/* A message that came: @payload follows the netlink header. */
typedef int (*nl_message_fn)(const struct nlmsghdr *nlh, const void *payload,
			     size_t len, void *arg);

/**
 * nl_conn_request - send the one message in @w and take all that is answered
 * @w: the message; an acknowledgement is asked for unless it is a dump
 * @fn: called for each message that is neither error nor end; may be NULL; a
 *	negative return value is handed on when the rest has been read
 */
int nl_conn_request(struct nl_conn *c, struct nl_writer *w, nl_message_fn fn,
		    void *arg);

/**
 * struct nl_batch - many requests, of which only failures are reported
 * @conn: where they go
 * @w: the requests that wait to be sent
 * @fn: called once per refused request with its number, counted from 0,
 *	and the errno; conn->error holds the sentence
 * @arg: for @fn
 * @first_seq: sequence number of the first request ever
 * @count: requests appended so far
 * @pending: of these, not sent yet
 * @last: where the last one begins in @w
 */
struct nl_batch {
	struct nl_conn *conn;
	struct nl_writer w;
	void (*fn)(size_t number, int err, void *arg);
	void *arg;
	uint32_t first_seq;
	size_t count;
	size_t pending;
	size_t last;
	uint8_t buf[32768];
};

void nl_batch_init(struct nl_batch *b, struct nl_conn *c,
		   void (*fn)(size_t number, int err, void *arg), void *arg);
/* Room for one request, to be begun with nl_msg_begin() in @b->w. */
int nl_batch_reserve(struct nl_batch *b);
void nl_batch_added(struct nl_batch *b, size_t msg);
int nl_batch_flush(struct nl_batch *b);

/**
 * nl_conn_receive - wait for messages that nobody asked for
 *
 * Return: 0, or -ENOBUFS when the kernel had to drop some, or another errno.
 */
int nl_conn_receive(struct nl_conn *c, nl_message_fn fn, void *arg);

#endif
