// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SAs in the kernel that charon does not have: it made them before it died. They carry
 * traffic until there are new ones, and go then.
 *
 * The kernel is read before charon is asked, so what charon makes meanwhile is not
 * among them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager_int.h"

void orphans_forget(struct ike_manager *m)
{
	free(m->orphans);
	m->orphans = NULL;
	m->n_orphans = 0;
}

static bool ours(const struct ike_manager *m, const struct ike_kernel_sa *sa)
{
	return IN6_ARE_ADDR_EQUAL(&sa->src, &m->local) || IN6_ARE_ADDR_EQUAL(&sa->dst, &m->local);
}

int ike_manager_kernel_sas(struct ike_manager *m, const struct ike_kernel_sa *sas, size_t n,
			   uint64_t now)
{
	struct orphan *o;
	size_t i;

	(void)now;
	if (n > IKE_KERNEL_SAS)
		n = IKE_KERNEL_SAS;
	o = calloc(n + 1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	orphans_forget(m);
	m->orphans = o;
	for (i = 0; i < n; i++) {
		if (ours(m, &sas[i]))
			m->orphans[m->n_orphans++].sa = sas[i];
	}
	/* From now on, what charon lists is newer; not what it is listing. */
	m->old_list = m->out == CMD_LIST && m->out_all;
	m->audited = true;
	m->listed = false;
	return 0;
}

static bool same(const struct ike_kernel_sa *sa, const struct in6_addr *dst, uint32_t spi)
{
	return sa->spi == spi && IN6_ARE_ADDR_EQUAL(&sa->dst, dst);
}

void orphans_listed(struct ike_manager *m, const struct listing *l)
{
	size_t i, j, k;

	for (i = 0; i < m->n_orphans; i++) {
		struct orphan *o = &m->orphans[i];

		for (j = 0; j < l->n && !o->listed; j++) {
			const struct ike_sa *s = &l->sas[j];

			for (k = 0; k < l->n_children && !o->listed; k++) {
				const struct ike_child *c = &l->children[k];

				o->listed = c->ike == s->id &&
					    (same(&o->sa, &s->local, c->spi_in) ||
					     same(&o->sa, &s->remote, c->spi_out));
			}
		}
	}
}

static const struct in6_addr *other(const struct ike_manager *m, const struct orphan *o)
{
	return IN6_ARE_ADDR_EQUAL(&o->sa.src, &m->local) ? &o->sa.dst : &o->sa.src;
}

static struct ike_peer *peer_of(const struct ike_manager *m, const struct orphan *o)
{
	struct ike_peer *p;

	for (p = m->peers; p; p = p->next) {
		if (!p->gone && IN6_ARE_ADDR_EQUAL(&p->ula, other(m, o)))
			return p;
	}
	return NULL;
}

void orphans_found(struct ike_manager *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->n_orphans; i++) {
		if (!m->orphans[i].listed)
			m->orphans[n++] = m->orphans[i];
	}
	m->n_orphans = n;
}

void orphans_check(struct ike_manager *m, struct ike_peer *p, uint64_t now)
{
	size_t i;

	for (i = 0; m->listed && !p->gone && i < m->n_orphans; i++) {
		struct orphan *o = &m->orphans[i];

		if (o->sweep || !IN6_ARE_ADDR_EQUAL(other(m, o), &p->ula))
			continue;
		/* If there are others by now, these are not needed. */
		if (call_installed(p))
			o->sweep = true;
		else if (p->call.state == CALL_NONE)
			call_begin(p, IKE_WHY_UNKNOWN_SPI, now);
	}
}

void orphans_sweep(struct ike_manager *m, const struct ike_peer *p)
{
	size_t i;

	if (!m->listed)
		return;
	for (i = 0; i < m->n_orphans; i++) {
		if (IN6_ARE_ADDR_EQUAL(other(m, &m->orphans[i]), &p->ula))
			m->orphans[i].sweep = true;
	}
}

void orphans_sweep_strangers(struct ike_manager *m)
{
	size_t i;

	for (i = 0; i < m->n_orphans; i++)
		m->orphans[i].sweep |= !peer_of(m, &m->orphans[i]);
}

bool orphans_action(struct ike_manager *m, struct ike_action *out)
{
	size_t i;

	for (i = 0; m->listed && i < m->n_orphans; i++) {
		if (!m->orphans[i].sweep)
			continue;
		out->kind = IKE_SWEEP;
		out->sa = m->orphans[i].sa;
		m->orphans[i] = m->orphans[--m->n_orphans];
		return true;
	}
	return false;
}
