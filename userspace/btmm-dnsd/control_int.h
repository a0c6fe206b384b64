/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BTMM_DNSD_CONTROL_INT_H
#define BTMM_DNSD_CONTROL_INT_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/un.h>

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

/* control_socket.c: a listening socket that was made at a path. */
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

#endif
