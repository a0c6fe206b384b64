/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What btmmd tells who monitors it, as lines that come by a descriptor: a process of its
 * own waits for them, while the command waits for the kernel, too.
 */
#ifndef BTMM_CTL_EVENTS_H
#define BTMM_CTL_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define EVENTS_WHY	1024

struct events {
	int fd;			/* to be polled; -1: there are none */
	char *buf;
	size_t len, size;
};

/*
 * 0: all that is told from now on will come, and what there was has been passed over; or
 * negative errno as of control_watch(), with a sentence in @why.
 */
int events_open(struct events *e, const char *socket, char why[EVENTS_WHY]);
void events_close(struct events *e);

/* To be called when there is something to read. False: btmmd went, @why says so. */
bool events_read(struct events *e, char why[EVENTS_WHY]);
/* The next one that has come whole, to be given back by json_decref(); NULL: none. */
json_t *events_next(struct events *e);
/* It is the last one: its "why" says why there are no more. */
bool events_end(const json_t *event);

#endif
