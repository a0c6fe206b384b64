// SPDX-License-Identifier: GPL-2.0-or-later
/* The manager's life, its peers, and what the caller learns of them. */
#include "manager.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager_int.h"

#define REKEY		3600		/* s */
#define PSK		32		/* octets */
#define BLOB_MAX	16384		/* octets of a certificate or key */

/* Letters, digits, '-', '_' and single dots: nothing that charon reads as more than a
 * name.
 */
static bool valid_name(const char *s)
{
	size_t len = strlen(s), i;

	if (!len || len >= IKE_NAME || s[0] == '.' || s[len - 1] == '.')
		return false;
	for (i = 0; i < len; i++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.ABCDEFGHIJKLMNOPQRSTUVWXYZ",
			    s[i]))
			return false;
		if (s[i] == '.' && s[i + 1] == '.')
			return false;
	}
	return true;
}

static void lower(char *out, const char *s)
{
	for (; *s; s++)
		*out++ = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
	*out = '\0';
}

static bool valid_identity(const struct ike_identity *id)
{
	if (!id->name || !valid_name(id->name))
		return false;
	if (id->psk.len)
		return id->psk.len == PSK && !id->cert.len && !id->key.len && !id->authority.len;
	return id->cert.len && id->cert.len <= BLOB_MAX && id->key.len && id->key.len <= BLOB_MAX &&
	       id->authority.len && id->authority.len <= BLOB_MAX;
}

static struct vici_span keep(uint8_t **p, struct vici_span s)
{
	struct vici_span copy = { *p, s.len };

	if (s.len)
		memcpy(*p, s.p, s.len);
	*p += s.len;
	return copy;
}

static void forget_keys(struct ike_manager *m)
{
	if (m->blob)
		explicit_bzero(m->blob, m->blob_len);
	free(m->blob);
	m->blob = NULL;
}

static int set_identity(struct ike_manager *m, const struct ike_identity *id)
{
	size_t len = id->cert.len + id->key.len + id->authority.len + id->psk.len;
	uint8_t *blob = malloc(len), *p = blob;

	if (!blob)
		return -ENOMEM;
	forget_keys(m);
	m->blob = blob;
	m->blob_len = len;
	m->cert = keep(&p, id->cert);
	m->key = keep(&p, id->key);
	m->authority = keep(&p, id->authority);
	m->psk = keep(&p, id->psk);
	m->aes_first = id->aes_first;
	m->rekey = id->rekey ? id->rekey : REKEY;
	return 0;
}

struct ike_manager *ike_manager_new(const struct ike_identity *id, int *err)
{
	struct ike_manager *m;

	*err = -EINVAL;
	if (!valid_identity(id))
		return NULL;
	*err = -ENOMEM;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	lower(m->name, id->name);
	*err = set_identity(m, id);
	if (*err) {
		free(m);
		return NULL;
	}
	return m;
}

void ike_manager_free(struct ike_manager *m)
{
	if (!m)
		return;
	while (m->peers)
		ike_peer_free(m, m->peers);
	orphans_forget(m);
	forget_keys(m);
	free(m);
}

static void want_load(struct ike_peer *p)
{
	p->load = true;
	p->load_at = 0;
}

int ike_manager_identity(struct ike_manager *m, const struct ike_identity *id, uint64_t now)
{
	char name[IKE_NAME];
	struct ike_peer *p;
	int ret;

	(void)now;
	if (!valid_identity(id))
		return -EINVAL;
	lower(name, id->name);
	if (strcmp(name, m->name))
		return -EINVAL;
	ret = set_identity(m, id);
	if (ret)
		return ret;
	m->keyed = false;
	m->key_at = 0;
	m->error[0] = '\0';
	for (p = m->peers; p; p = p->next)
		want_load(p);
	return 0;
}

/* --- peers --- */

struct ike_peer *ike_peer_find(struct ike_manager *m, const char *name)
{
	struct ike_peer *p;
	char small[IKE_NAME];

	if (!valid_name(name))
		return NULL;
	lower(small, name);
	for (p = m->peers; p && strcmp(p->name, small); p = p->next)
		;
	return p;
}

struct ike_peer *ike_peer_by_conn(struct ike_manager *m, struct vici_span conn)
{
	struct ike_peer *p;

	for (p = m->peers; p && !vici_is(conn, p->conn); p = p->next)
		;
	return p;
}

void ike_peer_free(struct ike_manager *m, struct ike_peer *p)
{
	struct ike_peer **at = &m->peers;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	m->n_peers--;
	if (m->out_peer == p)
		m->out_peer = NULL;
	listing_clear(&p->now);
	listing_clear(&p->next_listing);
	free(p);
}

static struct ike_peer *peer_new(struct ike_manager *m, const char *name)
{
	struct ike_peer *p;

	if (m->n_peers >= 2 * IKE_PEERS_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	lower(p->name, name);
	snprintf(p->conn, sizeof(p->conn), "%s%s", IKE_PREFIX, p->name);
	p->next = m->peers;
	m->peers = p;
	m->n_peers++;
	return p;
}

void ike_peer_stray(struct ike_manager *m, struct vici_span conn)
{
	size_t skip = strlen(IKE_PREFIX);
	char name[IKE_NAME];
	struct ike_peer *p;

	if (conn.len <= skip || conn.len - skip >= sizeof(name) ||
	    memcmp(conn.p, IKE_PREFIX, skip) || ike_peer_by_conn(m, conn))
		return;
	vici_text((struct vici_span){ conn.p + skip, conn.len - skip }, name, sizeof(name));
	if (!valid_name(name))
		return;
	p = peer_new(m, name);
	/* Ours are in small letters; another's spelling would not be found again. */
	if (p && !vici_is(conn, p->conn)) {
		ike_peer_free(m, p);
		return;
	}
	if (p) {
		p->gone = true;
		p->known = true;
		p->list = true;
	}
}

static size_t wanted(const struct ike_manager *m)
{
	const struct ike_peer *p;
	size_t n = 0;

	for (p = m->peers; p; p = p->next)
		n += !p->gone;
	return n;
}

static bool taken(const struct ike_manager *m, const struct ike_peer *self,
		  const struct in6_addr *ula)
{
	const struct ike_peer *p;

	for (p = m->peers; p; p = p->next) {
		if (p != self && !p->gone && IN6_ARE_ADDR_EQUAL(&p->ula, ula))
			return true;
	}
	return false;
}

int ike_peer_set(struct ike_manager *m, const char *name, const struct in6_addr *ula,
		 uint64_t now)
{
	char small[IKE_NAME];
	struct ike_peer *p;

	/* fc00::/7 */
	if (!valid_name(name) || (ula->s6_addr[0] & 0xfe) != 0xfc)
		return -EINVAL;
	lower(small, name);
	if (!strcmp(small, m->name))
		return -EINVAL;
	p = ike_peer_find(m, small);
	if (taken(m, p, ula) || IN6_ARE_ADDR_EQUAL(ula, &m->local))
		return -EEXIST;
	if (!p || p->gone) {
		if (wanted(m) >= IKE_PEERS_MAX)
			return -E2BIG;
		if (!p)
			p = peer_new(m, name);
		if (!p)
			return -ENOMEM;
		p->gone = false;
		p->changed = true;
	} else if (IN6_ARE_ADDR_EQUAL(&p->ula, ula)) {
		return 0;
	}
	p->ula = *ula;
	p->list = true;
	p->list_at = 0;
	want_load(p);
	ike_peer_judge(m, p);
	call_again(p, now);
	ike_peer_tell(m, p);
	return 0;
}

void ike_peer_remove(struct ike_manager *m, const char *name, uint64_t now)
{
	struct ike_peer *p = ike_peer_find(m, name);

	(void)now;
	if (!p || p->gone)
		return;
	orphans_sweep(m, p);
	if (!m->connected) {
		/* What charon has will be found when all is compared. */
		ike_peer_free(m, p);
		return;
	}
	p->gone = true;
	p->load = false;
	p->list = true;
	p->list_at = 0;
	p->call = (struct call){ 0 };
	/* As long as it is being loaded, charon may have it soon. */
	p->known |= m->out == CMD_LOAD && m->out_peer == p;
}

void ike_manager_stop(struct ike_manager *m, uint64_t now)
{
	struct ike_peer *p, *next;

	m->stopping = true;
	for (p = m->peers; p; p = next) {
		next = p->next;
		ike_peer_remove(m, p->name, now);
	}
	/* What charon has of an earlier btmmd's peers is a stray, too. */
	m->settled = true;
	m->named = false;
	m->listed = false;
}

static bool has_stopped(const struct ike_manager *m)
{
	return m->stopping && !m->peers &&
	       (!m->connected || (m->named && m->listed && m->out == CMD_NONE));
}

bool ike_peer_loaded(const struct ike_manager *m, const struct in6_addr *ula)
{
	const struct ike_peer *p;

	for (p = m->peers; p; p = p->next) {
		if (!p->gone && IN6_ARE_ADDR_EQUAL(&p->ula, ula))
			return p->known && !p->load && !(m->out == CMD_LOAD && m->out_peer == p);
	}
	return false;
}

bool ike_peer_ended(const struct ike_peer *p)
{
	return p->gone && !p->known && !p->list && !p->now.n;
}

/* --- what the caller says of this host --- */

void ike_manager_local(struct ike_manager *m, const struct in6_addr *ula, uint64_t now)
{
	struct ike_peer *p;

	if (IN6_ARE_ADDR_EQUAL(&m->local, ula))
		return;
	m->local = *ula;
	for (p = m->peers; p; p = p->next) {
		if (p->gone)
			continue;
		p->list = true;
		p->list_at = 0;
		want_load(p);
		ike_peer_judge(m, p);
		call_again(p, now);
		ike_peer_tell(m, p);
	}
	m->audit = m->connected;
	m->audited = !m->connected;
}

void ike_manager_ready(struct ike_manager *m, bool ready, uint64_t now)
{
	struct ike_peer *p;

	(void)now;
	if (m->ready == ready)
		return;
	m->ready = ready;
	/* Their traps come, or go. */
	for (p = m->peers; p; p = p->next) {
		if (!p->gone)
			want_load(p);
	}
}

void ike_manager_settled(struct ike_manager *m, uint64_t now)
{
	(void)now;
	if (m->settled)
		return;
	m->settled = true;
	m->named = false;
	m->listed = false;
}

void ike_manager_refresh(struct ike_manager *m)
{
	struct ike_peer *p;

	for (p = m->peers; p; p = p->next)
		p->list = true;
}

/* --- what the caller learns --- */

enum ike_state ike_peer_state(const struct ike_manager *m, const struct ike_peer *p)
{
	if (call_installed(p))
		return IKE_UP;
	if (p->refused)
		return IKE_REFUSED;
	if (!p->known || !m->connected)
		return IKE_WAITING;
	return p->call.state == CALL_NONE ? IKE_TRAP : IKE_CALLING;
}

void ike_peer_tell(struct ike_manager *m, struct ike_peer *p)
{
	enum ike_state state = ike_peer_state(m, p);

	p->changed |= state != p->told;
	p->told = state;
}

bool ike_manager_action(struct ike_manager *m, struct ike_action *out)
{
	struct ike_peer *p;

	memset(out, 0, sizeof(*out));
	if (!m->stopped && has_stopped(m)) {
		m->stopped = true;
		out->kind = IKE_STOPPED;
		return true;
	}
	if (m->audit) {
		m->audit = false;
		out->kind = IKE_AUDIT;
		return true;
	}
	if (m->verify) {
		m->verify = false;
		out->kind = IKE_VERIFY;
		return true;
	}
	for (p = m->peers; p; p = p->next) {
		if (p->gone || !(p->read_again || p->changed))
			continue;
		out->kind = p->read_again ? IKE_READ_AGAIN : IKE_CHANGED;
		if (p->read_again)
			p->read_again = false;
		else
			p->changed = false;
		strcpy(out->name, p->name);
		return true;
	}
	return orphans_action(m, out);
}

void ike_manager_kernel_has(struct ike_manager *m, const struct ike_kernel_sa *sas, size_t n,
			    uint64_t now)
{
	struct ike_peer *p;

	for (p = m->peers; p; p = p->next) {
		if (!p->verify)
			continue;
		p->verify = false;
		call_verified(m, p, sas, n, now);
		ike_peer_tell(m, p);
	}
}

static void sum_up(const struct ike_peer *p, uint64_t now, struct ike_status *out)
{
	const struct ike_child *child = NULL;
	const struct ike_sa *sa = NULL;
	size_t i;

	for (i = 0; i < p->now.n; i++) {
		const struct ike_sa *s = &p->now.sas[i];

		out->ike_sas += s->established;
		if (s->established && (!sa || s->id > sa->id))
			sa = s;
	}
	for (i = 0; i < p->now.n_children; i++) {
		const struct ike_child *c = &p->now.children[i];

		out->bytes_in += c->bytes_in;
		out->bytes_out += c->bytes_out;
		if (c->installed && (!child || c->id > child->id))
			child = c;
	}
	out->children = call_installed(p);
	if (sa)
		out->ike_age = (now - sa->since) / 1000;
	if (!child)
		return;
	out->age = (now - child->since) / 1000;
	out->spi_in = child->spi_in;
	out->spi_out = child->spi_out;
	memcpy(out->suite, child->suite, sizeof(out->suite));
}

bool ike_manager_next(const struct ike_manager *m, struct ike_walk *w, uint64_t now,
		      struct ike_status *out)
{
	const struct ike_peer *p = w->at ? w->at->next : w->n ? NULL : m->peers;

	for (; p; p = p->next) {
		if (p->gone)
			continue;
		w->at = p;
		w->n++;
		*out = (struct ike_status){
			.name = p->name, .ula = p->ula, .state = ike_peer_state(m, p),
			.read_at = p->read_at, .error = p->error,
		};
		sum_up(p, now, out);
		return true;
	}
	w->at = NULL;
	w->n++;
	return false;
}

bool ike_manager_fresh(const struct ike_manager *m)
{
	const struct ike_peer *p;

	for (p = m->peers; p; p = p->next) {
		if (p->list)
			return false;
	}
	return m->connected && m->listed && m->out != CMD_LIST;
}

const char *ike_manager_error(const struct ike_manager *m)
{
	return m->error;
}
