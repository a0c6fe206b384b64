/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of btmm-ctl share: how they are described, how they read
 * their words, how they fail, and how they reach the kernel.
 */
#ifndef BTMM_CTL_H
#define BTMM_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/autotunnel/msg.h"
#include "../lib/netlink/conn.h"

/* Exit codes; documented in help.c and btmm-ctl(8). */
enum {
	CTL_OK		= 0,
	CTL_FAILED	= 1,
	CTL_USAGE	= 2,
	CTL_NOT_FOUND	= 3,
	CTL_DENIED	= 4,
};

/**
 * struct command - a line of the command table
 * @object: first word
 * @verb: second word; NULL if the object is the whole command; "show" is the
 *	one that may be left out
 * @run: given the words that follow; returns an exit code. NULL: see elsewhere()
 * @words: what may follow, for the usage line
 * @summary: what it does, in one line
 * @help: the rest of its help text, lines of at most 78 columns; NULL if @run is
 */
struct command {
	const char *object;
	const char *verb;
	int (*run)(int argc, char **argv);
	const char *words;
	const char *summary;
	const char *help;
};

extern const struct command commands[];
extern const size_t n_commands;

#define DECLARE_COMMAND(name)						\
	int cmd_##name(int argc, char **argv);				\
	extern const char help_##name[]

DECLARE_COMMAND(dev_show);	/* dev.c */
DECLARE_COMMAND(dev_add);
DECLARE_COMMAND(dev_set);
DECLARE_COMMAND(dev_del);
DECLARE_COMMAND(peer_show);	/* peer.c */
DECLARE_COMMAND(peer_add);
DECLARE_COMMAND(peer_set);
DECLARE_COMMAND(peer_del);
DECLARE_COMMAND(monitor);	/* monitor.c */
DECLARE_COMMAND(stats);		/* stats.c */
DECLARE_COMMAND(ike_answer);	/* lowlevel.c */
DECLARE_COMMAND(dgram_send);
DECLARE_COMMAND(account_init);	/* account.c */
DECLARE_COMMAND(account_show);
DECLARE_COMMAND(host_add);	/* host.c */
DECLARE_COMMAND(host_remove);
DECLARE_COMMAND(host_list);	/* host_list.c */
DECLARE_COMMAND(host_import);	/* host_import.c */
DECLARE_COMMAND(status);	/* status.c */
DECLARE_COMMAND(peers);
DECLARE_COMMAND(resolve);
DECLARE_COMMAND(ping);		/* ping.c */
DECLARE_COMMAND(netcheck);	/* netcheck.c */
DECLARE_COMMAND(services);	/* services.c */
DECLARE_COMMAND(browse);
DECLARE_COMMAND(up);		/* updown.c */
DECLARE_COMMAND(down);
DECLARE_COMMAND(reload);
DECLARE_COMMAND(help);		/* help.c */

/* fail.c: the command that runs, NULL before it is known. */
extern const struct command *current_command;

/* help.c */
void help_overview(void);
void help_command(const struct command *cmd);
/* Commands whose first word is @object, and @verb unless that is NULL. */
const struct command *command_find(const char *object, const char *verb);

/*
 * elsewhere.c: for a command that the other program has. elsewhere() goes on as that
 * program, with the arguments given to elsewhere_init(); it returns only if it cannot,
 * an exit code. The vector must stay as it is.
 */
void elsewhere_init(char **argv);
int elsewhere(void);

/*
 * fail.c: one line on stderr, "btmm-ctl: peer add: ...". Each returns the exit
 * code to leave with. fail_usage() also says where help is to be found.
 */
int fail_with(int code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int fail_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* @err as returned from the functions on @c, which hold the sentence. */
int fail_kernel(const struct nl_conn *c, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int exit_code(int err);

/**
 * struct word - a keyword that a command takes
 * @name: the keyword
 * @want: what value follows it, for messages; NULL if none does
 * @value: the value given
 * @given: the keyword was there
 */
struct word {
	const char *name;
	const char *want;
	const char *value;
	bool given;
};

/* words.c: sort @argv into @words (ended by one without a name). */
int words_read(struct word *words, int argc, char **argv);
const struct word *word_find(const struct word *words, const char *name);
/* Values of keywords, left alone if the keyword is absent. */
int word_uint(const struct word *w, uint64_t min, uint64_t max, uint64_t *out);
int word_uint_or_hex(const struct word *w, uint64_t min, uint64_t max,
		     uint64_t *out);
int word_on_off(const struct word *w, uint8_t *out);
int words_read_ula(const char *what, const char *text, struct in6_addr *out);

/* kernel.c: connections, opened when first wanted, and devices by name. */
int kernel_open(struct nl_conn **out);
int kernel_open_route(struct nl_conn **out);
void kernel_close(void);

struct device {
	uint32_t ifindex;
	char name[IFNAMSIZ];
};

/* @name is NULL for the only device there is. Returns an exit code. */
int kernel_find_device(const char *name, struct device *out);
/* Is @name fit to be an interface's? Returns NULL or why not. */
const char *check_ifname(const char *name);

/* Send @req; the answer, if wanted, is decoded for @fn. */
typedef int (*at_msg_fn)(const struct at_msg *msg, void *arg);
int kernel_request(const struct at_msg *req, at_msg_fn fn, void *arg);
int kernel_dump(const struct at_msg *req, at_msg_fn fn, void *arg);
/* Decode one message that came over @c and hand it to @fn. */
int kernel_decode(const struct nlmsghdr *nlh, const void *payload, size_t len,
		  at_msg_fn fn, void *arg);

#endif
