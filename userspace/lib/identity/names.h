/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of a host in its user's domain, and what may be one (RFC 952, 1123 2.1).
 */
#ifndef BTMM_IDENTITY_NAMES_H
#define BTMM_IDENTITY_NAMES_H

#include "../dns/name.h"
#include "identity.h"

#define HOST_LABEL_SIZE	(DLABEL_MAX + 1)

struct host_names {
	uint8_t domain[DNAME_MAX];	/* alice.example.com */
	uint8_t host[DNAME_MAX];	/* laptop.alice.example.com: AAAA */
	uint8_t service[DNAME_MAX];	/* _autotunnel._udp.<host>: SRV */
	uint8_t tunnel[DNAME_MAX];	/* AutoTunnel-....<domain>: A, AAAA, TXT */
	uint8_t list[DNAME_MAX];	/* _autotunnel._udp.<domain>: PTR to each host */
};

/*
 * Both give NULL if all is well, else a sentence to be put behind the word. A host's
 * name is one label of letters, digits and inner hyphens, with a letter in it, and
 * neither "localhost" nor begins with "autotunnel-". A domain has two or more such labels
 * (which may have no letter, but for the last one), written with or without the
 * last dot, and leaves room for what stands below it.
 */
const char *host_label_check(const char *label);
const char *user_domain_check(const char *domain, uint8_t out[DNAME_MAX]);

/*
 * What to call a host whose system calls it @nodename: the first label in lower
 * case, with a hyphen for what cannot be in one. False: nothing that would do is left.
 */
bool host_label_from_system(const char *nodename, char out[HOST_LABEL_SIZE]);

/* @label and @domain have passed the checks; @tunnel stays empty without identity. */
void host_names_make(struct host_names *out, const char *label,
		     const uint8_t domain[DNAME_MAX], const struct identity *id);

#endif
