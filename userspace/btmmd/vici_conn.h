/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The manager of IKE on its two streams to charon's VICI socket, made again whenever
 * they break. Thin: all decisions are the manager's.
 *
 * Time is CLOCK_BOOTTIME in ms, see vici_conn_now().
 */
#ifndef BTMMD_VICI_CONN_H
#define BTMMD_VICI_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "../lib/ike/manager.h"

struct vici_conn;

struct vici_conn_ops {
	/* An ike_action of the manager. It may call the manager, and vici_conn_kick(),
	 * but not free the connection.
	 */
	void (*action)(void *arg, const struct ike_action *a);
	/* The streams are there, or were lost; @why, a sentence without its stop, for the
	 * latter. A reason is told once.
	 */
	void (*state)(void *arg, bool up, const char *why);
};

/**
 * vici_conn_new - begin to connect
 * @path: of the socket
 * @m: stays the caller's, and must stay until vici_conn_free()
 *
 * Return: 0 or a negative errno.
 */
int vici_conn_new(struct vici_conn **out, sd_event *event, const char *path,
		  struct ike_manager *m, const struct vici_conn_ops *ops, void *arg);
void vici_conn_free(struct vici_conn *c);

uint64_t vici_conn_now(const struct vici_conn *c);
/* To be called after each call to the manager. */
void vici_conn_kick(struct vici_conn *c);
bool vici_conn_up(const struct vici_conn *c);

#endif
