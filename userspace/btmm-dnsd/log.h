/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon says, one line each on standard error; with the <N> that the
 * journal understands (sd-daemon(3)) when standard error is the journal. Octets
 * that are not printable become '?'. Never a secret.
 */
#ifndef BTMM_DNSD_LOG_H
#define BTMM_DNSD_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>	/* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */

/* The least urgent level that is told; LOG_INFO at first. */
void log_set_level(int level);
bool log_enabled(int level);
/* Where to instead of standard error (tests); -1: back. */
void log_set_fd(int fd, bool prefix);

void __attribute__((format(printf, 2, 3))) log_say(int level, const char *fmt, ...);

#define log_error(...)		log_say(LOG_ERR, __VA_ARGS__)
#define log_warning(...)	log_say(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)		log_say(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)		log_say(LOG_INFO, __VA_ARGS__)
#define log_debug(...)		\
	do {							\
		if (log_enabled(LOG_DEBUG))			\
			log_say(LOG_DEBUG, __VA_ARGS__);	\
	} while (0)

/*
 * For what a stranger can cause: at most @burst lines in @interval_ms from one
 * place; how many were left out is said with the next one.
 */
struct log_limit {
	uint64_t begun_ms;
	unsigned int told, left_out;
};

bool log_limit_pass(struct log_limit *l, uint64_t now_ms, unsigned int interval_ms,
		    unsigned int burst);
void __attribute__((format(printf, 3, 4)))
log_say_limited(struct log_limit *l, int level, const char *fmt, ...);

/* 5 lines in 10 s from this place in the source. */
#define log_limited(level, ...)						\
	do {								\
		static struct log_limit log_limit_here;			\
									\
		if (log_enabled(level))					\
			log_say_limited(&log_limit_here, level, __VA_ARGS__); \
	} while (0)

#endif
