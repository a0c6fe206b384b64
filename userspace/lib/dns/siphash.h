/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SipHash-2-4 (Aumasson, Bernstein): a hash whose collisions need the key. */
#ifndef BTMM_DNS_SIPHASH_H
#define BTMM_DNS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash24(const uint8_t key[16], const uint8_t *data, size_t len);

#endif
