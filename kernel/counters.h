/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a device, kept per CPU.
 */
#ifndef _AUTOTUNNEL_COUNTERS_H
#define _AUTOTUNNEL_COUNTERS_H

#include <linux/percpu.h>
#include <linux/types.h>

enum at_counter {
#define AT_COUNTER(name) AT_CTR_##name
#include "counter-list.h"
#undef AT_COUNTER
	AT_CTR_MAX
};

struct at_counters {
	/* Longs, since they are read and bumped whole without a lock. */
	unsigned long v[AT_CTR_MAX];
};

struct attribute_group;

extern const struct attribute_group at_sysfs_group;
extern const char *const at_counter_names[AT_CTR_MAX];

void at_counters_register(void);
u64 at_counter_read(const struct at_counters __percpu *ctrs,
		    enum at_counter id);

#endif /* _AUTOTUNNEL_COUNTERS_H */
