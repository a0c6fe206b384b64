/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes from others and counts for nothing: malformed, forged, too much. It is told, as
 * somebody may want to know why things are as they are; but a flood of it is one line now and
 * then.
 */
#ifndef BTMMD_NOISE_H
#define BTMMD_NOISE_H

#include <stdint.h>

#define NOISE_PERIOD	600000	/* ms between two lines of a kind */

enum noise_kind {
	NOISE_GATEWAY,		/* NAT-PMP and PCP */
	NOISE_ANNOUNCED,	/* ... by multicast */
	NOISE_STUN,
	NOISE_DNS,		/* not signed by the server */
	NOISE_QUESTION,		/* to our resolver */
	NOISE_CONTROL,
	NOISE_KINDS,
};

struct noise_count {
	uint64_t told;		/* ms; 0: never */
	unsigned int n;		/* since then */
};

/* One more at @now: how many since the last line; 0: this one is not to be told. */
unsigned int noise_due(struct noise_count *c, uint64_t now);

/* For the log, if its turn has come; no secrets, no full stop. */
void noise(enum noise_kind kind, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
