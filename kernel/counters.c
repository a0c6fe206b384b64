// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, and their files below /sys/class/net/DEV/autotunnel/.
 */
#include <linux/netdevice.h>
#include <linux/sysfs.h>

#include "autotunnel.h"
#include "counters.h"

const char *const at_counter_names[AT_CTR_MAX] = {
#define AT_COUNTER(name) #name
#include "counter-list.h"
#undef AT_COUNTER
};

u64 at_counter_read(const struct at_counters __percpu *ctrs,
		    enum at_counter id)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(ctrs, cpu)->v[id]);

	return sum;
}

struct at_counter_file {
	struct device_attribute attr;
	enum at_counter id;
};

static ssize_t at_counter_show(struct device *d, struct device_attribute *attr,
			       char *buf)
{
	struct at_counter_file *file =
		container_of(attr, struct at_counter_file, attr);
	struct at_dev *at = netdev_priv(to_net_dev(d));

	return sysfs_emit(buf, "%llu\n", at_counter_read(at->counters, file->id));
}

static ssize_t peers_show(struct device *d, struct device_attribute *attr,
			  char *buf)
{
	struct at_dev *at = netdev_priv(to_net_dev(d));

	return sysfs_emit(buf, "%u\n", READ_ONCE(at->n_peers));
}

static DEVICE_ATTR_RO(peers);

static struct at_counter_file at_counter_files[AT_CTR_MAX];

/* All counters, the number of peers, and the end. */
static struct attribute *at_sysfs_attrs[AT_CTR_MAX + 2];

const struct attribute_group at_sysfs_group = {
	.name = "autotunnel",
	.attrs = at_sysfs_attrs,
};

/* Makes the list of files. Before the first device. */
void __init at_counters_register(void)
{
	int i;

	for (i = 0; i < AT_CTR_MAX; i++) {
		struct at_counter_file *file = &at_counter_files[i];

		file->id = i;
		file->attr.attr.name = at_counter_names[i];
		file->attr.attr.mode = 0444;
		file->attr.show = at_counter_show;
		at_sysfs_attrs[i] = &file->attr.attr;
	}
	at_sysfs_attrs[i] = &dev_attr_peers.attr;
}
