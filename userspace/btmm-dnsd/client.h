/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One TCP connection to a server, with DNS framing: below upstream.c and
 * xfr_conn.c. Connects without blocking, writes at once, reads in bulk.
 *
 * Ops are called from the event loop only, never from within a function here.
 * Within them everything is allowed, client_free() too.
 */
#ifndef BTMM_DNSD_CLIENT_H
#define BTMM_DNSD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "net.h"

#define CLIENT_QUEUE_MAX	((size_t)16 << 20)

struct client_ops {
	void (*open)(void *arg);
	void (*message)(void *arg, uint8_t *msg, size_t len);
	/* Lost or never had; it is closed already. @why: no full stop. */
	void (*down)(void *arg, const char *why);
};

struct client;

struct client *client_new(sd_event *event, const struct net_addr *addr,
			  const struct client_ops *ops, void *arg);
void client_free(struct client *c);

/* From closed; down() tells if it fails later. Negative errno: it fails now. */
int client_connect(struct client *c);
/* Nothing is told. */
void client_close(struct client *c);

/* Not closed: connected or on the way. */
bool client_is_alive(const struct client *c);
bool client_is_open(const struct client *c);
/* From down() until client_connect(): did the server end it in good order? */
bool client_was_ended(const struct client *c);

/* Writes, or queues. -ENOTCONN, -EBUSY (CLIENT_QUEUE_MAX), -EMSGSIZE, -ENOMEM. */
int client_write(struct client *c, const uint8_t *msg, size_t len);
/*
 * Octets taken by client_write() and octets that the kernel took, since
 * client_connect(): a message that began at or behind the latter was not sent.
 */
uint64_t client_taken(const struct client *c);
uint64_t client_sent(const struct client *c);
/* Octets that came, since client_connect(). */
uint64_t client_received(const struct client *c);

#endif
