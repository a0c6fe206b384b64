// SPDX-License-Identifier: GPL-2.0-or-later
#include "human.h"

#include <inttypes.h>
#include <stdio.h>

const char *text_from_ms(uint64_t ms, char out[HUMAN_SIZE])
{
	uint64_t s = ms / 1000;

	if (ms < 1000)
		snprintf(out, HUMAN_SIZE, "%" PRIu64 "ms", ms);
	else if (s < 60)
		snprintf(out, HUMAN_SIZE, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(out, HUMAN_SIZE, "%" PRIu64 "m%02" PRIu64 "s",
			 s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, HUMAN_SIZE, "%" PRIu64 "h%02" PRIu64 "m",
			 s / 3600, s % 3600 / 60);
	else
		snprintf(out, HUMAN_SIZE, "%" PRIu64 "d%02" PRIu64 "h",
			 s / 86400, s % 86400 / 3600);

	return out;
}

const char *text_from_octets(uint64_t n, char out[HUMAN_SIZE])
{
	static const char *const units[] = {
		"KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
	};
	uint64_t scaled;
	size_t u = 0;

	if (n < 1024) {
		snprintf(out, HUMAN_SIZE, "%" PRIu64 "B", n);
		return out;
	}

	while (u + 1 < sizeof(units) / sizeof(*units) && n >> 10 >= 1024) {
		n >>= 10;
		u++;
	}

	/* Tenths, rounded down: 1023.9KiB is never shown as 1024.0KiB. */
	scaled = (n >> 10) * 10 + ((n & 1023) * 10 >> 10);
	snprintf(out, HUMAN_SIZE, "%" PRIu64 ".%" PRIu64 "%s",
		 scaled / 10, scaled % 10, units[u]);
	return out;
}

void text_printable(const char *in, size_t len, char *out, size_t size)
{
	size_t i;

	for (i = 0; i < len && i + 1 < size && in[i]; i++)
		out[i] = in[i] >= ' ' && in[i] <= '~' ? in[i] : '?';
	out[i] = '\0';
}
