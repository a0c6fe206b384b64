// SPDX-License-Identifier: GPL-2.0
/*
 * Token buckets by outer source address.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "ratelimit.h"

/**
 * at_ratelimit_init - make the buckets, all full
 * @limit: to be initialised
 * @rate: packets per second and source
 * @burst: packets at once
 *
 * Return: 0 or -ENOMEM.
 */
int at_ratelimit_init(struct at_ratelimit *limit, u32 rate, u32 burst)
{
	unsigned int i;

	limit->buckets = kvcalloc(AT_RATELIMIT_BUCKETS, sizeof(*limit->buckets),
				  GFP_KERNEL_ACCOUNT);
	if (!limit->buckets)
		return -ENOMEM;
	for (i = 0; i < AT_RATELIMIT_BUCKETS; i++) {
		limit->buckets[i].tokens = burst;
		limit->buckets[i].stamp = jiffies;
	}
	spin_lock_init(&limit->lock);
	get_random_bytes(&limit->key, sizeof(limit->key));
	limit->rate = rate;
	limit->burst = burst;

	return 0;
}

void at_ratelimit_destroy(struct at_ratelimit *limit)
{
	kvfree(limit->buckets);
	limit->buckets = NULL;
}

/* Takes a token of @src's bucket. Return: false if there was none. BH off. */
bool at_ratelimit_allow(struct at_ratelimit *limit, const struct in6_addr *src)
{
	size_t len = ipv6_addr_v4mapped(src) ? sizeof(*src) : 8;
	struct at_ratelimit_bucket *bucket;
	unsigned long now = jiffies;
	unsigned long gained;
	bool allow = false;

	bucket = &limit->buckets[siphash(src, len, &limit->key) %
				 AT_RATELIMIT_BUCKETS];

	spin_lock(&limit->lock);
	gained = min_t(unsigned long, now - bucket->stamp, 3600UL * HZ) *
		 limit->rate / HZ;
	if (gained) {
		bucket->tokens = min_t(unsigned long, limit->burst,
				       bucket->tokens + gained);
		bucket->stamp = now;
	}
	if (bucket->tokens) {
		bucket->tokens--;
		allow = true;
	}
	spin_unlock(&limit->lock);

	return allow;
}
