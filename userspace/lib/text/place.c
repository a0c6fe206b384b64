// SPDX-License-Identifier: GPL-2.0-or-later
#include "place.h"

#include <string.h>

const char *text_to_place(const char *s, uint16_t default_port, struct addr *addr,
			  uint16_t *port)
{
	size_t len = strlen(s), colons = 0, i;
	bool brackets = len > 2 && s[0] == '[' && s[len - 1] == ']';
	char host[ADDR_TEXT_SIZE + 2];
	const char *why;

	for (i = 0; i < len; i++)
		colons += s[i] == ':';
	/* With a port: one colon, or something behind brackets. */
	if (len >= sizeof(host) || colons == 1 || (s[0] == '[' && !brackets))
		return text_to_endpoint(s, addr, port);

	len -= 2 * brackets;
	memcpy(host, s + brackets, len);
	host[len] = '\0';
	why = text_to_addr(host, addr);
	if (!why && brackets && addr->len != 16)
		why = "what is in the brackets is no IPv6 address";
	if (!why)
		*port = default_port;
	return why;
}
