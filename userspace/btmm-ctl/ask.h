/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions and updates to the account's server: TLS to who has a key that the account
 * has pinned, TSIG on every message. Blocking, with a limit to its time.
 */
#ifndef BTMM_CTL_ASK_H
#define BTMM_CTL_ASK_H

#include "../lib/account/bundle.h"
#include "../lib/dns/message.h"
#include "../lib/talk/talk.h"

#define ASK_WHY		640
#define ASK_TIMEOUT_MS	10000	/* for the connection, and for each message */

struct ask {
	struct talk talk;
	char name[DNAME_TEXT_MAX];	/* of the server, for messages */
	uint8_t *msg, *reply;		/* DNS_MAX octets each */
	size_t reply_len;		/* without the TSIG record */
};

/*
 * To the account's server: the one that is named in it, else those of the domain's
 * _dns-update-tls._tcp SRV records. 0, or negative errno and a sentence in @why;
 * -EPERM: the server has a key that is not pinned; never -ENOENT or -EEXIST, which are
 * about hosts. ask_close() in any case.
 */
int ask_open(struct ask *a, const struct bundle *account, char why[ASK_WHY]);
void ask_close(struct ask *a);

/* In a->msg: a question, or an UPDATE of @zone into which records are then put. */
void ask_question(struct ask *a, struct dns_writer *w, const uint8_t *name, uint16_t type);
void ask_update(struct ask *a, struct dns_writer *w, const uint8_t *zone);

/*
 * Sends what @w holds, signed by @key. 0 and an answer in a->reply whose signature is
 * right, whatever its RCODE. -EKEYREJECTED: the server does not know the key (any
 * more), or finds the signature or the time wrong; or negative errno. With @why.
 */
int ask_send(struct ask *a, struct dns_writer *w, const struct tsig_key *key,
	     char why[ASK_WHY]);

#endif
