/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a host publishes: itself (RFC 6281 5.2, with the inner address at the host's name,
 * too) and its services (wide-area DNS-SD, RFC 6763). Documentation/publication.md.
 *
 * Pure. What is made is what lease_client_set() takes.
 */
#ifndef BTMM_PUBLISH_RECORDS_H
#define BTMM_PUBLISH_RECORDS_H

#include "../identity/names.h"
#include "../lease/client.h"
#include "../text/addr.h"

#define PUBLISH_TTL		120	/* s; SRV, A, AAAA, PTR */
#define PUBLISH_TXT_TTL		4500
#define PUBLISH_TXT_MAX		1300	/* octets, RFC 6763 6.2 */
#define PUBLISH_SERVICES	32
#define PUBLISH_SUBTYPES	8	/* of a service */
#define PUBLISH_TEXTS		64	/* strings of a TXT record */
#define PUBLISH_OCTETS		40960	/* of all records: they have to fit into one message */
#define PUBLISH_WHY		256

struct publish_service {
	const char *instance;		/* a label of UTF-8: "Alice's Mac" */
	const char *type;		/* "_ssh._tcp" */
	uint16_t port;
	const char *const *texts;	/* KEY or KEY=VALUE */
	size_t n_texts;
	const char *const *subtypes;	/* labels */
	size_t n_subtypes;
	const uint8_t *host;		/* whose it is; NULL: this host's */
};

struct publish_host {
	const struct host_names *names;
	struct in6_addr ula;		/* ::, as long as there is none: nothing is published */
	/*
	 * Where the tunnel is reached from outside: port 0 or no address, as long as that is
	 * not known. Who cannot be reached is listed, and has no address and no services.
	 */
	struct addr outer4, outer6;	/* len 0: none */
	uint16_t port;
	const char *const *info;	/* about the device: KEY or KEY=VALUE */
	size_t n_info;
	const struct publish_service *services;
	size_t n_services;
	/* Say of the domain that services are to be looked for and registered in it. */
	bool browse;
};

struct publish_set {
	size_t n;
	struct lease_client_record records[LEASE_CLIENT_MAX];
	size_t used;
	uint8_t octets[PUBLISH_OCTETS];	/* what the records point to */
};

/*
 * 0; -EINVAL, or -E2BIG: more than there may be. Then there is a sentence in @why that
 * names what is wrong, and @out holds nothing. @out is some 50 KiB, and must not be
 * moved.
 */
int publish_make(const struct publish_host *host, struct publish_set *out,
		 char why[PUBLISH_WHY]);

/*
 * Each gives NULL if all is well, else a sentence to be put behind the word.
 * publish_text_check(): of one string alone; a TXT record has each key once.
 */
const char *publish_instance_check(const char *instance);
const char *publish_type_check(const char *type);
const char *publish_subtype_check(const char *subtype);
const char *publish_text_check(const char *text);

/*
 * A TXT record's RDATA (RFC 6763 6); none: one empty string. Its length, or negative:
 * -EINVAL and why, -E2BIG. @out has room for PUBLISH_TXT_MAX.
 */
int publish_txt(const char *const *texts, size_t n, uint8_t *out, char why[PUBLISH_WHY]);

/* The names a client browses by: "b", "db", "r", "dr", "lb" (RFC 6763 11). */
#define PUBLISH_BROWSE	5
extern const char *const publish_browse_labels[PUBLISH_BROWSE];

#endif
