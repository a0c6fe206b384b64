// SPDX-License-Identifier: GPL-2.0-or-later
#include "noise.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>

unsigned int noise_due(struct noise_count *c, uint64_t now)
{
	unsigned int n;

	c->n += c->n < UINT_MAX;
	if (c->told && now < c->told + NOISE_PERIOD)
		return 0;
	n = c->n;
	c->n = 0;
	c->told = now;
	return n;
}

void noise(enum noise_kind kind, const char *fmt, ...)
{
	static struct noise_count counts[NOISE_KINDS];
	char text[512], more[32] = "";
	struct timespec t;
	unsigned int n;
	va_list ap;

	clock_gettime(CLOCK_BOOTTIME, &t);
	n = noise_due(&counts[kind],
		      (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
	if (!n)
		return;
	if (n > 1)
		snprintf(more, sizeof(more), " (%u of the kind)", n);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "<%d>ignored: %s%s\n", LOG_NOTICE, text, more);
}
