// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs, at /sys/kernel/debug/at-torture:
 *
 *   attach   "DEV UNDERLAY PORT", in the writer's network namespace; "" ends it
 *   capture  "copy", "steal" or "off"
 *   run      "rx|rx-exact|tx|tx-exact COUNT SEED", "originals", "forget":
 *            returns when all of it is done
 *   stats    "NAME NUMBER", one a line; what is in the corpus, too
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>

#include "at_torture.h"

static struct att att = {
	.lock = __MUTEX_INITIALIZER(att.lock),
	.corpus_lock = __SPIN_LOCK_UNLOCKED(att.corpus_lock),
};

static struct dentry *att_dir;

static const char *const att_stat_names[ATT_STATS] = {
	[ATT_INJECTED_RX] = "injected_rx",
	[ATT_INJECTED_TX] = "injected_tx",
	[ATT_ORIGINALS] = "originals",
	[ATT_OUT_ESP] = "out_esp",
	[ATT_OUT_IKE] = "out_ike",
	[ATT_OUT_KEEPALIVE] = "out_keepalive",
	[ATT_OUT_ANSWERS] = "out_answers",
	[ATT_OUT_NOISE] = "out_noise",
	[ATT_QUOTES] = "quotes",
	[ATT_LEAKS] = "leaks",
	[ATT_EXCESS] = "excess",
	[ATT_CLONE_CHANGED] = "clone_changed",
	[ATT_NO_MEMORY] = "no_memory",
};

static const char *const att_kind_names[ATT_KINDS] = {
	[ATT_FRESH] = "corpus_fresh",
	[ATT_OUTER] = "corpus_outer",
	[ATT_TX] = "corpus_tx",
	[ATT_CLEAR] = "corpus_clear",
};

static void att_detach(struct att *t)
{
	lockdep_assert_held(&t->lock);
	if (!t->dev)
		return;

	att_capture_unregister(t);
	att_judge_unregister(t);
	att_inject_detach(t);
	dev_put(t->under);
	dev_put(t->dev);
	t->dev = NULL;
	t->under = NULL;
	t->net = NULL;
}

static int att_attach(struct att *t, const char *dev, const char *under,
		      u16 port)
{
	int err = -ENODEV;

	lockdep_assert_held(&t->lock);
	att_detach(t);

	t->net = current->nsproxy->net_ns;
	t->port = htons(port);
	t->dev = dev_get_by_name(t->net, dev);
	t->under = dev_get_by_name(t->net, under);
	if (!t->dev || !t->under)
		goto put;

	err = att_inject_attach(t);
	if (err)
		goto put;
	err = att_judge_register(t);
	if (err)
		goto detach;
	err = att_capture_register(t);
	if (err)
		goto unregister;

	return 0;

unregister:
	att_judge_unregister(t);
detach:
	att_inject_detach(t);
put:
	dev_put(t->under);
	dev_put(t->dev);
	t->dev = NULL;
	t->under = NULL;
	return err;
}

/* A device goes, whatever we still wanted of it. */
static int att_netdev_event(struct notifier_block *nb, unsigned long event,
			    void *ptr)
{
	const struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	if (event != NETDEV_UNREGISTER)
		return NOTIFY_DONE;
	mutex_lock(&att.lock);
	if (dev == att.dev || dev == att.under)
		att_detach(&att);
	mutex_unlock(&att.lock);

	return NOTIFY_DONE;
}

static struct notifier_block att_netdev_notifier = {
	.notifier_call = att_netdev_event,
};

static ssize_t att_read_line(char *line, size_t size, const char __user *buf,
			     size_t len)
{
	if (len >= size)
		return -EINVAL;
	if (copy_from_user(line, buf, len))
		return -EFAULT;
	line[len] = 0;

	return len;
}

static ssize_t att_attach_write(struct file *file, const char __user *buf,
				size_t len, loff_t *pos)
{
	char line[80], dev[IFNAMSIZ], under[IFNAMSIZ];
	unsigned short port;
	int err = 0, fields;
	ssize_t n;

	n = att_read_line(line, sizeof(line), buf, len);
	if (n < 0)
		return n;
	fields = sscanf(line, "%15s %15s %hu", dev, under, &port);
	mutex_lock(&att.lock);
	if (fields == 3)
		err = att_attach(&att, dev, under, port);
	else if (!*skip_spaces(line))
		att_detach(&att);
	else
		err = -EINVAL;
	mutex_unlock(&att.lock);

	return err ?: len;
}

static ssize_t att_capture_write(struct file *file, const char __user *buf,
				 size_t len, loff_t *pos)
{
	static const char *const words[] = { "off", "copy", "steal" };
	char line[16];
	ssize_t n;
	int what;

	n = att_read_line(line, sizeof(line), buf, len);
	if (n < 0)
		return n;
	what = sysfs_match_string(words, line);
	if (what < 0)
		return what;
	mutex_lock(&att.lock);
	if (att.dev)
		att_capture_set(&att, what);
	else
		len = -ENODEV;
	mutex_unlock(&att.lock);

	return len;
}

static int att_run(struct att *t, const char *what, unsigned long count)
{
	if (!strcmp(what, "rx"))
		return att_inject_rx(t, count, false);
	if (!strcmp(what, "rx-exact"))
		return att_inject_rx(t, count, true);
	if (!strcmp(what, "tx"))
		return att_inject_tx(t, count, false);
	if (!strcmp(what, "tx-exact"))
		return att_inject_tx(t, count, true);
	if (!strcmp(what, "originals"))
		return att_inject_originals(t);

	return -EINVAL;
}

static ssize_t att_run_write(struct file *file, const char __user *buf,
			     size_t len, loff_t *pos)
{
	unsigned long count = 0;
	unsigned long long seed = 0;
	char line[64], what[16];
	ssize_t n;
	int err;

	n = att_read_line(line, sizeof(line), buf, len);
	if (n < 0)
		return n;
	if (sscanf(line, "%15s %lu %llu", what, &count, &seed) < 1)
		return -EINVAL;

	mutex_lock(&att.lock);
	if (!strcmp(what, "forget")) {
		spin_lock_bh(&att.corpus_lock);
		memset(att.n, 0, sizeof(att.n));
		spin_unlock_bh(&att.corpus_lock);
		err = 0;
	} else if (!att.dev) {
		err = -ENODEV;
	} else {
		att_capture_set(&att, ATT_CAPTURE_OFF);
		prandom_seed_state(&att.rnd, seed);
		atomic_set(&att.batch_out, 0);
		/* Originals may be answered, and the peer wants to hear it. */
		WRITE_ONCE(att.running, strcmp(what, "originals"));
		err = att_run(&att, what, count);
		WRITE_ONCE(att.running, false);
	}
	mutex_unlock(&att.lock);

	return err ?: len;
}

static int att_stats_show(struct seq_file *seq, void *v)
{
	int i;

	for (i = 0; i < ATT_STATS; i++)
		seq_printf(seq, "%s %lld\n", att_stat_names[i],
			   (long long)atomic64_read(&att.stats[i]));
	for (i = 0; i < ATT_KINDS; i++)
		seq_printf(seq, "%s %u\n", att_kind_names[i], att.n[i]);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(att_stats);

#define ATT_FILE(_name)						\
static const struct file_operations att_##_name##_fops = {		\
	.owner = THIS_MODULE,						\
	.open = simple_open,						\
	.write = att_##_name##_write,					\
	.llseek = noop_llseek,						\
}

ATT_FILE(attach);
ATT_FILE(capture);
ATT_FILE(run);

static void att_free_corpus(void)
{
	int i;

	for (i = 0; i < ATT_KINDS; i++)
		vfree(att.corpus[i]);
}

static int __init att_init(void)
{
	int err, i;

	for (i = 0; i < ATT_KINDS; i++) {
		att.corpus[i] = vzalloc(array_size(ATT_CORPUS_MAX,
						   sizeof(struct att_entry)));
		if (!att.corpus[i]) {
			err = -ENOMEM;
			goto free;
		}
	}
	prandom_seed_state(&att.rnd, 1);
	err = register_netdevice_notifier(&att_netdev_notifier);
	if (err)
		goto free;

	att_dir = debugfs_create_dir("at-torture", NULL);
	debugfs_create_file("attach", 0200, att_dir, NULL, &att_attach_fops);
	debugfs_create_file("capture", 0200, att_dir, NULL, &att_capture_fops);
	debugfs_create_file("run", 0200, att_dir, NULL, &att_run_fops);
	debugfs_create_file("stats", 0400, att_dir, NULL, &att_stats_fops);

	return 0;

free:
	att_free_corpus();
	return err;
}

static void __exit att_exit(void)
{
	debugfs_remove(att_dir);
	unregister_netdevice_notifier(&att_netdev_notifier);
	mutex_lock(&att.lock);
	att_detach(&att);
	mutex_unlock(&att.lock);
	att_free_corpus();
}

module_init(att_init);
module_exit(att_exit);

MODULE_DESCRIPTION("Spoilt packets for a tunnel device");
MODULE_LICENSE("GPL");
