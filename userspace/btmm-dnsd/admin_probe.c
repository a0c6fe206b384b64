// SPDX-License-Identifier: GPL-2.0-or-later
#include "admin_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int probe_transfer(const struct net_addr *primary, const struct tsig_key *key,
		   const uint8_t *zone, uint32_t *serial, struct why *why)
{
	return ask_transfer(primary, key, zone, NULL, NULL, serial, why);
}

int probe_send_update(const struct net_addr *server, const struct tsig_key *key,
		      struct dns_writer *w, struct why *why)
{
	struct ask a = {
		.server = *server, .over = ASK_TCP, .key = key, .msg = w->buf, .len = w->len,
		.size = w->size + TSIG_ROOM, .timeout_ms = 2 * ASK_TIMEOUT_MS,
	};
	char text[NET_TEXT_SIZE], buf[DNS_RCODE_TEXT];
	unsigned int rcode;
	int err;

	if (w->failed)
		return why_set(why, -EMSGSIZE, "the update is too long");
	a.reply = malloc(DNS_MAX);
	if (!a.reply)
		return why_set(why, -ENOMEM, "out of memory");
	err = ask(&a, why);
	rcode = err ? 0 : dns_rcode(a.reply);
	free(a.reply);
	if (err || !rcode)
		return err;

	why_set(why, 0, "%s does not make the update (%s)", net_to_text(server, text),
		dns_rcode_text(rcode, buf));
	switch (rcode) {
	case DNS_REFUSED:
	case DNS_NOTAUTH:
		return -EACCES;
	case DNS_YXDOMAIN:
	case DNS_YXRRSET:
		return -EEXIST;
	case DNS_NXDOMAIN:
	case DNS_NXRRSET:
		return -ENOENT;
	case DNS_SERVFAIL:
		return -EAGAIN;
	default:
		return -EPROTO;
	}
}

int probe_update(const struct net_addr *primary, const struct tsig_key *key,
		 const uint8_t *zone, struct why *why)
{
	uint8_t name[DNAME_MAX], *msg = malloc(DNS_MAX);
	struct dns_writer w;
	int err;

	if (!msg)
		return why_set(why, -ENOMEM, "out of memory");
	if (!dname_prefix(PROBE_LABEL, strlen(PROBE_LABEL), zone, name)) {
		free(msg);
		return why_set(why, -ENAMETOOLONG, "the zone's name is too long");
	}
	ask_update_begin(&w, msg, zone);
	dns_put_rr(&w, 2, name, DNS_TXT, DNS_CLASS_ANY, 0, NULL, 0);
	err = probe_send_update(primary, key, &w, why);
	free(msg);
	return err;
}

int probe_hidden(const struct net_addr *primary, const uint8_t *zone, struct why *why)
{
	char text[NET_TEXT_SIZE], name[DNAME_TEXT_MAX];
	struct why unused;
	uint8_t *room = malloc(2 * DNS_MAX);
	struct ask a = { .server = *primary, .over = ASK_UDP, .msg = room, .size = DNS_MAX };
	int err;

	if (!room)
		return why_set(why, -ENOMEM, "out of memory");
	a.reply = room + DNS_MAX;
	a.len = ask_query(a.msg, zone, DNS_SOA);
	err = ask(&a, why);
	if (!err && dns_rcode(a.reply) == DNS_NOERROR && dns_count(a.reply, 1))
		err = why_set(why, -EPERM, "%s answers questions about %s without a key: let "
			      "only btmm-dnsd's key ask (BIND: allow-query { key ...; })",
			      net_to_text(primary, text), name_text(zone, name));
	free(room);
	if (err)
		return err;
	if (!ask_transfer(primary, NULL, zone, NULL, NULL, NULL, &unused))
		return why_set(why, -EPERM, "%s transfers %s to anybody: let only btmm-dnsd's key "
			       "do that (BIND: allow-transfer { key ...; })",
			       net_to_text(primary, text), name_text(zone, name));
	return 0;
}
