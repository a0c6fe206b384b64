/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Token buckets by outer source address: IPv4 whole, IPv6 by its /64, which
 * one host may fill at will. A fixed array: a flood costs no memory, and
 * sources that share a bucket share its rate.
 */
#ifndef _AUTOTUNNEL_RATELIMIT_H
#define _AUTOTUNNEL_RATELIMIT_H

#include <linux/in6.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>

#define AT_RATELIMIT_BUCKETS	512

struct at_ratelimit_bucket {
	unsigned long stamp;	/* jiffies of the last refill */
	u32 tokens;
};

/**
 * struct at_ratelimit - limits of one kind of packet
 * @lock: guards the buckets
 * @key: of the hash by which sources find their bucket
 * @rate: tokens per second
 * @burst: tokens a bucket holds
 * @buckets: the array
 */
struct at_ratelimit {
	spinlock_t lock;	/* innermost */
	siphash_key_t key;
	u32 rate;
	u32 burst;
	struct at_ratelimit_bucket *buckets;
};

int at_ratelimit_init(struct at_ratelimit *limit, u32 rate, u32 burst);
void at_ratelimit_destroy(struct at_ratelimit *limit);
bool at_ratelimit_allow(struct at_ratelimit *limit, const struct in6_addr *src);

#endif /* _AUTOTUNNEL_RATELIMIT_H */
