/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS Stateful Operations (RFC 8490) and the TLVs of DNS Push Notifications
 * (RFC 8765) on the wire. What a session does with them is not said here.
 */
#ifndef BTMM_DNS_DSO_H
#define BTMM_DNS_DSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

enum dso_type {
	DSO_KEEPALIVE = 1, DSO_RETRY_DELAY = 2, DSO_PADDING = 3,
	DSO_SUBSCRIBE = 0x40, DSO_PUSH = 0x41, DSO_UNSUBSCRIBE = 0x42, DSO_RECONFIRM = 0x43,
};

#define DSO_TIMEOUT_DEFAULT	15000		/* ms, both timeouts, RFC 8490 6.2 */
#define DSO_KEEPALIVE_MIN	10000		/* ms, less is a fatal error, 6.5.2 */
#define DSO_FOREVER		0xffffffffu	/* as either timeout */
#define DSO_PUSH_MAX		16382		/* octets of a PUSH message, RFC 8765 6.3.1 */

/* By QR and message ID, RFC 8490 8.1. DSO_INVALID: a response with ID 0. */
enum dso_kind { DSO_REQUEST, DSO_UNIDIRECTIONAL, DSO_RESPONSE, DSO_INVALID };

struct dso_tlv {
	uint16_t type, len;
	const uint8_t *data;	/* in the message */
};

/* A message that came, and how far its TLVs have been read. */
struct dso {
	const uint8_t *msg;
	size_t len, pos;
	enum dso_kind kind;
	uint16_t id;
	unsigned int rcode;
};

/*
 * Checks header and TLVs: the counts are zero, each TLV ends within the message,
 * and what is not a response has at least one.
 *
 * Return: 0; -ENOMSG when @msg is no message with opcode 6; -EBADMSG when it is
 * malformed. Then, too, @out->kind and ->id are set: a request is to be answered
 * with FORMERR, anything else ends the session (RFC 8490 5.4, 5.4.3).
 */
int dso_read(const uint8_t *msg, size_t len, struct dso *out);

/* The next TLV; the first is the primary one of a request or unidirectional
 * message. 1, 0 at the end; -EBADMSG only where dso_read() has failed.
 */
int dso_next(struct dso *d, struct dso_tlv *out);

/* Data of single TLVs: 0, or -EBADMSG when length or content do not fit. */
struct dso_keepalive {
	uint32_t inactivity, interval;	/* ms; DSO_FOREVER */
};
int dso_keepalive_read(const struct dso_tlv *t, struct dso_keepalive *out);
int dso_retry_delay_read(const struct dso_tlv *t, uint32_t *ms);
/* Names in SUBSCRIBE and RECONFIRM cannot be compressed: nothing precedes them. */
int dso_subscribe_read(const struct dso_tlv *t, struct dns_question *out);
int dso_unsubscribe_read(const struct dso_tlv *t, uint16_t *id);
/* @out->rdata: as it came; ->start, ->end and ->ttl are 0. Type and class ANY
 * are -EBADMSG.
 */
int dso_reconfirm_read(const struct dso_tlv *t, struct dns_rr *out);

/*
 * The change notifications of a PUSH TLV of @d, in turn. Names may be compressed
 * with offsets from the message's start, so dns_rdata_canonical() works with
 * @d->msg and @d->len. dso_push_next(): 1, 0 at the end, -EBADMSG, which stays.
 */
struct dso_push {
	const uint8_t *msg;
	size_t pos, end;
	bool bad;
};
void dso_push_init(struct dso_push *p, const struct dso *d, const struct dso_tlv *t);
int dso_push_next(struct dso_push *p, struct dns_rr *rr);

/* TTLs that are none, RFC 8765 6.3.1 */
#define DSO_TTL_REMOVE		0xffffffffu	/* this record */
#define DSO_TTL_REMOVE_SET	0xfffffffeu	/* collectively; RDATA is empty */
#define DSO_TTL_MAX		0x7fffffffu

enum dso_change {
	DSO_ADD,		/* the record */
	DSO_REMOVE,		/* the record */
	DSO_REMOVE_SET,		/* all of owner, type and class */
	DSO_REMOVE_TYPES,	/* all of owner and class */
	DSO_REMOVE_NAME,	/* all of owner */
	DSO_IGNORE,		/* a TTL that means nothing */
	DSO_FATAL,		/* to end the session for */
};
enum dso_change dso_change(const struct dns_rr *rr);

/*
 * A writer. Errors (no room) stick; check w->failed once. @kind DSO_UNIDIRECTIONAL:
 * @id is to be 0. Names are not compressed. @rcode is of responses, and of a Retry
 * Delay that says why.
 */
struct dso_writer {
	uint8_t *buf;
	size_t size, len;
	size_t push;		/* where the open PUSH TLV begins, or 0 */
	bool failed;
};
void dso_writer_init(struct dso_writer *w, uint8_t *buf, size_t size, enum dso_kind kind,
		     uint16_t id, unsigned int rcode);
void dso_put_keepalive(struct dso_writer *w, const struct dso_keepalive *k);
void dso_put_retry_delay(struct dso_writer *w, uint32_t ms);
void dso_put_padding(struct dso_writer *w, uint16_t octets);	/* beside the TLV's 4 */
void dso_put_subscribe(struct dso_writer *w, const uint8_t *name, uint16_t type,
		       uint16_t class_);
void dso_put_unsubscribe(struct dso_writer *w, uint16_t id);
void dso_put_reconfirm(struct dso_writer *w, const uint8_t *name, uint16_t type,
		       uint16_t class_, const uint8_t *rdata, size_t rdlen);

/*
 * One more change notification, in the PUSH TLV that the first one opens. False:
 * it did not fit (also: into DSO_PUSH_MAX octets); the message is as before, to be
 * sent, and the notification belongs into the next one. A notification that fits
 * into no message sets w->failed.
 */
bool dso_put_push(struct dso_writer *w, const uint8_t *owner, uint16_t type,
		  uint16_t class_, uint32_t ttl, const uint8_t *rdata, size_t rdlen);

#endif
