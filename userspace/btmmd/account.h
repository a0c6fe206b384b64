/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which host this machine is: the bundle that "btmm-ctl host import" has put into
 * /etc/btmm/host (lib/account), checked, and in the forms that others want.
 */
#ifndef BTMMD_ACCOUNT_H
#define BTMMD_ACCOUNT_H

#include "../lib/account/cert.h"
#include "../lib/account/store.h"
#include "../lib/ike/manager.h"
#include "../lib/peers/peers.h"
#include "dns_trust.h"

struct account {
	struct bundle bundle;
	char name[PEERS_NAME];		/* mini.alice.example.com; also its name for IKE */
	char label[DLABEL_MAX + 1];	/* mini */
	char domain[PEERS_NAME];	/* alice.example.com */
	struct cert_facts certificate;
	/* The certificate is not good yet, or not any more, by our clock; a sentence without
	 * full stop for the log, that names the file and what to do. Else "". Our clock may be
	 * wrong: it is no error.
	 */
	char warning[STORE_WHY];
};

/*
 * The bundle in @dir, at @now (s since 1970). 0 with *@out; -ENOENT: there is none, this
 * machine is no host yet; -EPERM: directory or file is open to others or somebody
 * else's; -EINVAL: it is malformed, or its parts do not go together; or another errno.
 * With a sentence in @why that names the file, with the line if it is about one.
 */
int account_load(const char *dir, time_t now, struct account **out, char why[STORE_WHY]);
/* Secrets are wiped. */
void account_free(struct account *a);

/* What has to be done to have the second instead of the first. */
enum account_change {
	ACCOUNT_HOST	= 1 << 0,	/* another name or domain: all anew */
	ACCOUNT_KEY	= 1 << 1,	/* the TSIG key */
	ACCOUNT_SERVER	= 1 << 2,	/* pins or place of the server */
	ACCOUNT_IKE	= 1 << 3,	/* authority, certificate or private key */
};

unsigned int account_compare(const struct account *a, const struct account *b);

/* The pins; certificate authority and name are the configuration's to add. */
void account_trust(const struct account *a, struct dns_trust_config *out);
/* Points into @a; cipher and rekeying are the configuration's to add. */
void account_ike(const struct account *a, struct ike_identity *out);

#endif
