// SPDX-License-Identifier: GPL-2.0-or-later
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_OCTETS	1024
#define LIMIT_MS	10000
#define LIMIT_BURST	5

static int least = LOG_INFO;
static int to_fd = -1;		/* -1: standard error */
static int to_journal = -1;	/* -1: not known yet */

/* systemd says by $JOURNAL_STREAM which file of the journal it gave us. */
static bool is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return text && sscanf(text, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == ino;
}

void log_set_level(int level)
{
	least = level;
}

bool log_enabled(int level)
{
	return level <= least;
}

void log_set_fd(int fd, bool prefix)
{
	to_fd = fd;
	to_journal = fd < 0 ? -1 : prefix;
}

static void put_line(char *line, size_t len)
{
	int fd = to_fd < 0 ? STDERR_FILENO : to_fd;
	ssize_t n;

	line[len++] = '\n';
	/* In one piece, and there is nobody to tell when it fails. */
	do
		n = write(fd, line, len);
	while (n < 0 && errno == EINTR);
}

static void __attribute__((format(printf, 3, 0)))
say(int level, unsigned int left_out, const char *fmt, va_list ap)
{
	char line[LINE_MAX_OCTETS + 2], *p;
	int err = errno, head = 0, n;
	size_t len;

	if (to_journal < 0)
		to_journal = is_journal();
	if (to_journal)
		head = snprintf(line, sizeof(line), "<%d>", level & LOG_PRIMASK);

	n = vsnprintf(line + head, LINE_MAX_OCTETS - head, fmt, ap);
	if (n < 0)
		return;
	len = strlen(line);
	if (left_out) {
		snprintf(line + len, LINE_MAX_OCTETS - len, " (%u more were left out)",
			 left_out);
		len = strlen(line);
	}

	/* What strangers chose is in it: one line, and nothing for terminals to obey. */
	for (p = line + head; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	put_line(line, len);
	errno = err;
}

void log_say(int level, const char *fmt, ...)
{
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	say(level, 0, fmt, ap);
	va_end(ap);
}

bool log_limit_pass(struct log_limit *l, uint64_t now_ms, unsigned int interval_ms,
		    unsigned int burst)
{
	if (!l->begun_ms || now_ms - l->begun_ms >= interval_ms) {
		l->begun_ms = now_ms;
		l->told = 0;
	}
	if (l->told >= burst) {
		l->left_out++;
		return false;
	}
	l->told++;
	return true;
}

void log_say_limited(struct log_limit *l, int level, const char *fmt, ...)
{
	struct timespec ts;
	va_list ap;

	if (!log_enabled(level))
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (!log_limit_pass(l, (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + 1, LIMIT_MS,
			    LIMIT_BURST))
		return;

	va_start(ap, fmt);
	say(level, l->left_out, fmt, ap);
	va_end(ap);
	l->left_out = 0;
}
