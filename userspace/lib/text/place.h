/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a server is, as people write it: the port may be left out. */
#ifndef BTMM_TEXT_PLACE_H
#define BTMM_TEXT_PLACE_H

#include "addr.h"

/* ADDR, [V6], ADDR:PORT or [V6]:PORT. NULL, or a sentence as in addr.h. */
const char *text_to_place(const char *s, uint16_t default_port, struct addr *addr,
			  uint16_t *port);

#endif
