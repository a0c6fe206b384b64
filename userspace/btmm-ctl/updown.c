// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btmm-ctl up, down, reload
 */
#include "daemon.h"

const char help_up[] =
"Lets btmmd go on after 'btmm-ctl down'. To start it: systemctl start btmmd.\n"
"\n"
HELP_SOCKET;

const char help_down[] =
"Takes back the records at the server and the mappings of gateways, and removes\n"
"the tunnel device. btmmd stays and waits for 'btmm-ctl up', or for its next\n"
"start. Other hosts see this one go.\n"
"\n"
HELP_SOCKET;

const char help_reload[] =
"btmmd reads btmmd.conf and the bundle again. What is wrong with them is said,\n"
"and all goes on as it was. Tunnels go on in any case. Names the first key that\n"
"was changed and counts from the next start on only.\n"
"\n"
HELP_SOCKET;

static int simple(int argc, char **argv, const char *method, const char *progress,
		  json_t **reply)
{
	struct word w[] = { WORD_SOCKET, { .name = NULL } };
	int err = words_read(w, argc, argv);

	if (err)
		return err;
	daemon_progress(progress);
	err = daemon_call(w[0].value, method, NULL, DAEMON_SLOW_MS, reply);
	daemon_progress(NULL);
	return err;
}

int cmd_up(int argc, char **argv)
{
	json_t *reply;
	int err = simple(argc, argv, "Up", "going up", &reply);

	if (!err)
		json_decref(reply);
	return err;
}

int cmd_down(int argc, char **argv)
{
	json_t *reply;
	int err = simple(argc, argv, "Down", "taking records and mappings back", &reply);

	if (!err)
		json_decref(reply);
	return err;
}

int cmd_reload(int argc, char **argv)
{
	const char *key;
	json_t *reply;
	int err = simple(argc, argv, "Reload", "reading the configuration", &reply);

	if (err)
		return err;
	key = daemon_text(reply, "wants_restart");
	if (out_mode != OUT_TABLE)
		err = daemon_print(reply);
	else if (key)
		warn("%s counts from the next start on: systemctl restart btmmd", key);
	json_decref(reply);
	return err;
}
