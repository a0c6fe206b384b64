/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stub resolver for one domain: answers of the names that its subscriptions know, with
 * authority, at once, and also while the DNS servers are away. Everything else is REFUSED,
 * so that who asks goes to the next server; so are the names that say which servers the
 * domain has (_dns-update-tls._tcp ...). Documentation/resolver.md tells more.
 *
 * Pure: questions come in and answers go out as octets, without the two octets of length
 * that stand before them on a stream.
 */
#ifndef BTMM_RESOLVE_H
#define BTMM_RESOLVE_H

#include "../dns/message.h"

#define RESOLVE_TTL	5		/* s, of all answers; also of negative ones */
#define RESOLVE_MAX	16384		/* records */
#define RESOLVE_OCTETS	(8 << 20)	/* of their RDATA, twice */

struct resolve;

/* Who has put a record in: 0 to 31. It is there as long as one of them wants it to be. */
enum resolve_source {
	RESOLVE_OWN,		/* this host's records */
	RESOLVE_HOSTS,		/* those of others, by subscription */
	RESOLVE_SERVICES,
	RESOLVE_SERVERS,	/* addresses of the domain's servers, as they were found */
	RESOLVE_SOURCES = 32,
};

/* @domain: copied. NULL: no memory. */
struct resolve *resolve_new(const uint8_t *domain);
void resolve_free(struct resolve *r);

/*
 * Puts a record in; all of it is copied, @rdata uncompressed. One that is there already
 * is no error. 0; -EINVAL: not in the domain, RDATA that does not fit its type, or a type
 * that no record has; -ENOSPC: there are too many; -ENOMEM.
 */
int resolve_add(struct resolve *r, enum resolve_source source, const uint8_t *owner,
		uint16_t type, const uint8_t *rdata, size_t rdlen);
/* Was it there, of that source? Names in RDATA regardless of case */
bool resolve_remove(struct resolve *r, enum resolve_source source, const uint8_t *owner,
		    uint16_t type, const uint8_t *rdata, size_t rdlen);
/* All of a source at one name; @type 0: of all types. */
void resolve_remove_set(struct resolve *r, enum resolve_source source, const uint8_t *owner,
			uint16_t type);
/* All of a source */
void resolve_clear(struct resolve *r, enum resolve_source source);

/*
 * Whether what is not in the table does not exist. Before that, as at first, questions
 * for it are answered with SERVFAIL, so that nobody takes it for an answer.
 */
void resolve_set_complete(struct resolve *r, bool complete);

size_t resolve_count(const struct resolve *r);

/* What came of a question, for counters and to subscribe to what is asked for. */
struct resolve_result {
	enum dns_rcode rcode;
	bool in_domain;			/* @question is valid, and of our domain */
	bool found;			/* there is a name, and a record of the type */
	struct dns_question question;
};

/*
 * The answer to @msg, over UDP (@stream false) with TC if it is too long for who asked.
 * @size: at least DNS_UDP_MAX; DNS_MAX for streams. @result may be NULL.
 *
 * Return: its length; 0: nothing is to be answered.
 */
size_t resolve_answer(const struct resolve *r, bool stream, const uint8_t *msg, size_t len,
		      uint8_t *out, size_t size, struct resolve_result *result);

#endif
