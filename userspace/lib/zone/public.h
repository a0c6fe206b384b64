/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What everybody may see of a private zone. Private to lib/zone. */
#ifndef BTMM_ZONE_PUBLIC_H
#define BTMM_ZONE_PUBLIC_H

#include "answer.h"

/*
 * The name from which downwards a public question may be looked up, in labels
 * before @name's end: what is above must not show in the answer, be it only
 * because a wildcard does (not) match. -1: not public.
 */
int public_depth(const struct zone *z, const uint8_t *name, uint16_t type);

/* The name in RDATA that an A or AAAA may be wanted of; NULL. */
const uint8_t *rr_target(const struct zone_rr *rr);

#endif
