/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine towards a gateway is made of. Private to gateway*.c. */
#ifndef BTMM_NAT_GATEWAY_INT_H
#define BTMM_NAT_GATEWAY_INT_H

#include "epoch.h"
#include "gateway.h"

#define NEVER		UINT64_MAX

#define FIRST_WAIT	250		/* ms; doubles */
#define TRIES		9		/* transmissions */
#define DELETE_TRIES	3
#define RENEW_GAP	4000		/* ms, the least between renewals, RFC 6887 11.2.1 */
#define RECOVERY_MAX	5000		/* ms, the longest wait after a loss of state */
#define SHORT_ERROR	30		/* s, RFC 6887 7.4; doubles */
#define LONG_ERROR	1800		/* s, the same */
#define LIFETIME_MAX	86400		/* s; what is longer is absurd, RFC 6887 15 */
#define SLOW_RETRY	1024000		/* ms, towards who is silent (PCP's MRT) */
#define ADDRESS_AGE	60000		/* ms, after which a renewal asks for it, too */
#define ASK_GAP		1000		/* ms, the least between what announcements cause */

struct gateway_entry {
	bool used, wanted;
	uint16_t internal, suggested;
	uint16_t external;	/* 0: not granted */
	struct ipv4 address;	/* in PCP */
	uint64_t since, granted, expires, lifetime;	/* ms */
	bool doubtful;
	bool maybe;		/* asked for: the gateway may have it, granted or not */
	enum gateway_reason reason;
	uint64_t due, last_sent;
	unsigned int renewals;	/* without success */
	unsigned int failures;	/* short errors in a row */
	bool news;		/* came while it was asked for: the answer may be from before */
};

enum gateway_job {
	JOB_NONE,
	JOB_PROBE,	/* a PCP MAP and a NAT-PMP address request: who answers? */
	JOB_ADDRESS,	/* NAT-PMP */
	JOB_MAP,
	JOB_DELETE,
};

/* What waits to be taken by gateway_output() */
#define PENDING_PCP	1
#define PENDING_ADDRESS	2
#define PENDING_NATPMP	4

struct gateway {
	struct gateway_config config;
	struct draw draw;
	struct gateway_entry maps[GATEWAY_MAPS];
	enum gateway_protocol protocol;
	/* Protocols that the gateway said it does not speak: bits 1 << protocol */
	unsigned int spurned;
	bool refused;		/* ... that PCP's answer was NOT_AUTHORIZED */
	bool stopping, changed;
	bool spoke;		/* it ever did */

	/* NAT-PMP's answer, or PCP's last */
	struct ipv4 address;
	/* NAT-PMP: when to ask, when it last was answered, and what */
	uint64_t address_due, address_checked, address_since;
	enum gateway_reason address_reason;
	unsigned int address_failures;
	bool address_news;		/* as gateway_entry.news */
	struct epoch epoch;		/* of the protocol in use */
	uint64_t heeded;		/* when an announcement caused a recovery; 0 */

	/* What is out; one at a time (RFC 6886 3.1) */
	enum gateway_job job;
	struct gateway_entry *entry;	/* but for JOB_ADDRESS */
	unsigned int sent, tries, pending;
	uint64_t next;			/* of the next transmission, or of giving up */

	unsigned int probes;		/* in vain, since the gateway last answered */
	uint64_t probe_due;		/* not before */
};

/* gateway.c */
void gateway_entry_free(struct gateway *g, struct gateway_entry *e);
bool gateway_holds(const struct gateway *g);
/* Who answers has to be found out, from @when on. */
void gateway_forget(struct gateway *g, uint64_t when);
/* It answered in @p, so this is what it will be asked in. */
void gateway_speak(struct gateway *g, enum gateway_protocol p, uint64_t now);

/* gateway_out.c */
void gateway_job_done(struct gateway *g);
/* Nobody answered as he should: to be asked again later. */
void gateway_probe_failed(struct gateway *g, enum gateway_reason why, uint64_t now);
/* What is out got no answer, or @why says more than that. */
void gateway_give_up(struct gateway *g, enum gateway_reason why, uint64_t now);
/* When an entry is to be renewed next, after @e->renewals in vain */
uint64_t gateway_renewal(struct gateway *g, const struct gateway_entry *e, uint64_t now);
/* ms until the retry of what failed @n times in a row but may work soon */
uint64_t gateway_short_error(unsigned int n);

#endif
