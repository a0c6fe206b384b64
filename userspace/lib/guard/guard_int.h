/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BTMM_GUARD_INT_H
#define BTMM_GUARD_INT_H

#include "guard.h"

/* As nl_msg_begin(), with a sequence number. */
size_t guard_begin(struct guard_writer *g, uint16_t type, uint16_t flags, const void *hdr,
		   size_t len);

#endif
