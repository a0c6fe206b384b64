// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl stats
 */
#include <string.h>

#include "ctl.h"
#include "out.h"

const char help_stats[] =
"Counters that are zero are left out unless --all is given. DEV may be left out\n"
"if there is one tunnel device only. Every counter is a file, too:\n"
"/sys/class/net/DEV/autotunnel/NAME. autotunnel(4) says what each one counts.\n";

static const struct out_column stats_columns[] = {
	{ "COUNTER",	"name",		OUT_STRING,	NULL },
	{ "VALUE",	"value",	OUT_NUMBER,	NULL },
};

#define N_STATS_COLUMNS	(sizeof(stats_columns) / sizeof(*stats_columns))

struct show {
	struct out *out;
	bool all;
	size_t rows;
};

static int stats_rows(const struct at_msg *msg, void *arg)
{
	struct nl_reader r = { 0 };
	struct at_counter counter;
	struct show *show = arg;
	int err;

	while (at_counter_next(&msg->dev, &r, &counter)) {
		if (!counter.value && !show->all)
			continue;

		const struct out_value values[N_STATS_COLUMNS] = {
			out_str(counter.name),
			out_num(true, counter.value),
		};

		show->rows++;
		err = out_row(show->out, values);
		if (err)
			return err;
	}

	return 0;
}

int cmd_stats(int argc, char **argv)
{
	struct word w[] = {
		{ .name = "--all" },
		{ .name = NULL },
	};
	struct at_msg req = {
		.cmd = AUTOTUNNEL_CMD_DEV_GET,
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX),
	};
	const char *name = NULL;
	struct show show = { 0 };
	struct device dev;
	struct nl_conn *c;
	int err;

	if (argc && !word_find(w, argv[0])) {
		name = argv[0];
		argc--;
		argv++;
	}
	err = words_read(w, argc, argv);
	if (!err)
		err = kernel_open(&c);
	if (!err)
		err = kernel_find_device(name, &dev);
	if (err)
		return err;

	req.ifindex = dev.ifindex;
	show.all = w[0].given;
	show.out = out_begin(stats_columns, N_STATS_COLUMNS, false);
	if (!show.out)
		return fail_with(CTL_FAILED, "out of memory");

	err = kernel_request(&req, stats_rows, &show);
	out_end(show.out);
	if (out_failed())
		return CTL_FAILED;
	if (err)
		return fail_kernel(c, err, "cannot read the counters of %s",
				   dev.name);
	if (!show.rows && out_mode == OUT_TABLE)
		warn("all counters of %s are zero", dev.name);
	return CTL_OK;
}
