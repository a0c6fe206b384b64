/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to a primary whose answers say what it lets us do. Each returns 0, or
 * negative errno and why, with what to do about it.
 */
#ifndef BTMM_DNSD_ADMIN_PROBE_H
#define BTMM_DNSD_ADMIN_PROBE_H

#include "admin_dns.h"

/* The name below a zone's apex that probes may touch. */
#define PROBE_LABEL	"_btmm-check"

/* Transfers under @key; the serial, if that is not NULL. */
int probe_transfer(const struct net_addr *primary, const struct tsig_key *key,
		   const uint8_t *zone, uint32_t *serial, struct why *why);
/* An update that changes nothing: it deletes what is not there. */
int probe_update(const struct net_addr *primary, const struct tsig_key *key,
		 const uint8_t *zone, struct why *why);
/* Refuses questions and transfers without a key. -EPERM: it answers. */
int probe_hidden(const struct net_addr *primary, const uint8_t *zone, struct why *why);

/*
 * Sends an UPDATE that @w holds, under @key, over TCP. 0 when it was done; -EACCES
 * (REFUSED, NOTAUTH), -EEXIST (YXDOMAIN, YXRRSET), -ENOENT (NXDOMAIN, NXRRSET), -EAGAIN
 * (SERVFAIL), -EPROTO; or what ask() returns.
 */
int probe_send_update(const struct net_addr *server, const struct tsig_key *key,
		      struct dns_writer *w, struct why *why);

#endif
