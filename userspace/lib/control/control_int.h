/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BTMM_CONTROL_INT_H
#define BTMM_CONTROL_INT_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "../varlink/message.h"
#include "control.h"

#define CONTROL_SERVICE		"org.varlink.service"

#define CONTROL_CALL_MAX	65536			/* octets of a call */
#define CONTROL_QUEUE_MAX	((size_t)4 << 20)	/* of "more" that a client did not read */
#define CONTROL_REPLY_MAX	((size_t)256 << 20)	/* that a client takes */
/* At a time; those who may not everything leave room for those who may. */
#define CONTROL_CLIENTS		192
#define CONTROL_OTHERS		128
#define CONTROL_PER_USER	32

/* The interface that every service has, in Varlink's language. */
extern const char control_service_description[];

/* socket.c: a listening socket that was made at a path. */
struct control_socket {
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];	/* "": none was */
	dev_t dev;
	ino_t ino;
	int fd;
};

/* 0, or negative errno with a sentence in @why. */
int control_socket_make(const char *path, struct control_socket *out, char *why,
			size_t why_size);
/* The name, if it is still ours. The descriptor is the caller's. */
void control_socket_remove(struct control_socket *s);

/*
 * A client does one call at a time; further ones wait in the socket. @dead ones are
 * without socket, and are freed (and their gone() called) from the loop only, never
 * in the middle of something.
 */
struct control_conn {
	struct control *c;
	struct control_conn *prev, *next;
	sd_event_source *io;
	int fd;
	uid_t uid;
	bool privileged, eof, dead;
	struct varlink_in in;
	char *out;
	size_t out_pos, out_len, out_size;	/* out_len: octets behind out_pos */
	struct control_call *call;
};

/* @conn is NULL when the client went and nobody wanted to be told. */
struct control_call {
	struct control_conn *conn;
	uid_t uid;
	bool more, oneway;
	void (*gone)(void *arg);
	void *arg;
};

struct control {
	sd_event *event;
	sd_event_source *io, *later;
	int fd, spare;
	struct control_socket made;
	const struct control_info *info;
	void *arg;
	struct control_conn *conns;
	unsigned int n, n_others;	/* all, and those who may not everything */
};

/* server.c: the last word to a call; frees both. @text NULL: there was no memory. */
void control_finish(struct control_call *call, char *text, size_t len);
/* calls.c: to its handler, which answers now or later. */
void control_dispatch(struct control_call *call, const struct varlink_call *v);

#endif
