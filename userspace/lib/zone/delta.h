/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differences of a zone, collected until it is known that they are genuine, and
 * then applied at once: what a record goes through on its way does not show,
 * only what comes of it. Private to lib/zone.
 */
#ifndef BTMM_ZONE_DELTA_H
#define BTMM_ZONE_DELTA_H

#include "store.h"

struct delta;

/* @max: octets that it may hold */
struct delta *delta_new(size_t max);
void delta_free(struct delta *d);
/* @owner is lower case. -ENOBUFS: would be over the maximum; -ENOMEM. */
int delta_put(struct delta *d, bool add, const uint8_t *owner, const struct zone_rr *rr);
/*
 * Return: changes made; -ESTALE: removes what the zone does not have, -ENOMEM:
 * before the first change; -EIO: no memory among them, the zone is as good as lost.
 */
long delta_apply(struct delta *d, struct zone *z);

#endif
