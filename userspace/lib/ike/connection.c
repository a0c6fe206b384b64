// SPDX-License-Identifier: GPL-2.0-or-later
#include "connection.h"

#include <arpa/inet.h>
#include <stdio.h>

/* IKE_SAs live this many times as long as CHILD_SAs: what they cost is one exchange
 * of keys more.
 */
#define IKE_REKEY_FACTOR	4

static const char *const suites[] = { "aes128gcm16", "chacha20poly1305" };

/* Both ends must allow both, as one of them may have no AES instructions. */
static void put_proposals(struct vici_writer *w, const char *key, const char *rest, bool aes_first)
{
	char text[64];
	size_t i;

	vici_list(w, key);
	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "%s-%s", suites[aes_first ? i : 1 - i], rest);
		vici_put_item_text(w, text);
	}
	vici_list_end(w);
}

/* Of that type, whatever else charon could take it for. */
static void put_id(struct vici_writer *w, const char *name)
{
	char id[300];

	snprintf(id, sizeof(id), "fqdn:%s", name);
	vici_put_text(w, "id", id);
}

static void put_blob(struct vici_writer *w, const char *key, struct vici_span blob)
{
	vici_list(w, key);
	vici_put_item(w, blob.p, blob.len);
	vici_list_end(w);
}

static void put_ends(struct vici_writer *w, const struct connection *c)
{
	const char *auth = c->cert.len ? "pubkey" : "psk";

	vici_section(w, "local");
	vici_put_text(w, "auth", auth);
	put_id(w, c->local_name);
	if (c->cert.len)
		put_blob(w, "certs", c->cert);
	vici_section_end(w);

	vici_section(w, "remote");
	vici_put_text(w, "auth", auth);
	put_id(w, c->remote_name);
	if (c->cert.len)
		put_blob(w, "cacerts", c->authority);
	vici_section_end(w);
}

static void put_selector(struct vici_writer *w, const char *key, const char *ula)
{
	char text[INET6_ADDRSTRLEN + 4];

	snprintf(text, sizeof(text), "%s/128", ula);
	vici_put_list(w, key, text);
}

static void put_child(struct vici_writer *w, const struct connection *c, const char *local,
		      const char *remote)
{
	vici_section(w, CONNECTION_CHILD);
	vici_put_text(w, "mode", "tunnel");
	put_selector(w, "local_ts", local);
	put_selector(w, "remote_ts", remote);
	put_proposals(w, "esp_proposals", "x25519-esn", c->aes_first);
	if (c->reqid)
		vici_put_number(w, "reqid", c->reqid);
	vici_put_number(w, "rekey_time", c->rekey);
	vici_put_number(w, "replay_window", 2048);
	vici_put_text(w, "start_action", c->trap ? "trap" : "none");
	vici_put_text(w, "close_action", "none");
	vici_put_text(w, "dpd_action", "clear");
	vici_section_end(w);
}

size_t connection_load(const struct connection *c, uint8_t *out, size_t size)
{
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];
	struct vici_writer w;

	inet_ntop(AF_INET6, c->local, local, sizeof(local));
	inet_ntop(AF_INET6, c->remote, remote, sizeof(remote));

	vici_begin(&w, out, size, VICI_CMD_REQUEST, "load-conn");
	vici_section(&w, c->name);
	vici_put_number(&w, "version", 2);
	vici_put_list(&w, "local_addrs", local);
	vici_put_list(&w, "remote_addrs", remote);
	put_proposals(&w, "proposals", "prfsha256-x25519", c->aes_first);
	vici_put_text(&w, "mobike", "no");
	vici_put_text(&w, "fragmentation", "yes");
	vici_put_text(&w, "unique", "replace");
	vici_put_number(&w, "keyingtries", 1);
	/* Who has gone is known from DNS, or by what does not come back. */
	vici_put_number(&w, "dpd_delay", 0);
	vici_put_number(&w, "rekey_time", (uint64_t)c->rekey * IKE_REKEY_FACTOR);
	put_ends(&w, c);
	vici_section(&w, "children");
	put_child(&w, c, local, remote);
	vici_section_end(&w);
	vici_section_end(&w);
	return vici_end(&w);
}

size_t connection_load_key(struct vici_span key, uint8_t *out, size_t size)
{
	struct vici_writer w;

	vici_begin(&w, out, size, VICI_CMD_REQUEST, "load-key");
	vici_put_text(&w, "type", "any");
	vici_put(&w, "data", key.p, key.len);
	return vici_end(&w);
}

size_t connection_load_shared(struct vici_span psk, const char *name, uint8_t *out, size_t size)
{
	struct vici_writer w;
	char id[300];

	vici_begin(&w, out, size, VICI_CMD_REQUEST, "load-shared");
	vici_put_text(&w, "id", "btmm");
	vici_put_text(&w, "type", "IKE");
	vici_put(&w, "data", psk.p, psk.len);
	snprintf(id, sizeof(id), "fqdn:%s", name);
	vici_put_list(&w, "owners", id);
	return vici_end(&w);
}
