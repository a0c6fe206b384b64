// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin_talk.h"

#include <stdio.h>
#include <string.h>

int admin_talk(struct talk *s, const struct net_addr *to, bool tcp, unsigned int timeout_ms,
	       struct why *why)
{
	char text[NET_TEXT_SIZE];
	struct sockaddr_storage ss;
	socklen_t len = net_to_sockaddr(to, &ss);
	int err = talk_open(s, (struct sockaddr *)&ss, len, tcp ? SOCK_STREAM : SOCK_DGRAM,
			    timeout_ms);

	return err ? why_set(why, err, "%s cannot be reached: %s", net_to_text(to, text),
			     strerror(-err)) : 0;
}

int admin_talk_tls(struct talk *s, char *pin, size_t pin_size, struct why *why)
{
	char text[64], reason[TALK_WHY];
	uint8_t key[TALK_KEY_LEN];
	int err = talk_tls(s, reason);

	if (err)
		return why_set(why, err, "TLS cannot be begun: %s", reason);
	if (!talk_server_key(s, key)) {
		base64_text(key, sizeof(key), text);
		snprintf(pin, pin_size, "sha256//%s", text);
	}
	return 0;
}
