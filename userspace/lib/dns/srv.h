/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order in which servers are to be tried, RFC 2782. */
#ifndef BTMM_DNS_SRV_H
#define BTMM_DNS_SRV_H

#include <stddef.h>
#include <stdint.h>

struct srv_choice {
	uint16_t priority, weight;
	size_t index;		/* the caller's */
};

/* A number from 0 to @n - 1, each as likely. */
typedef uint64_t (*srv_random_fn)(void *arg, uint64_t n);

/*
 * Puts them in order: by priority, and of one priority drawn by weight, one after
 * the other; those of weight 0 have a very small chance to come before others.
 */
void srv_order(struct srv_choice *c, size_t n, srv_random_fn below, void *arg);

#endif
