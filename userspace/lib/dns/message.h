/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS messages, RFC 1035 4: a bounded walk over what came, any number of
 * questions, and a writer with name compression for what goes.
 *
 * The walk exists beside libknot's parser because that refuses QDCOUNT > 1,
 * which Long-Lived Queries (RFC 8764) need.
 */
#ifndef BTMM_DNS_MESSAGE_H
#define BTMM_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"

#define DNS_HEADER	12
#define DNS_MAX		65535
#define DNS_UDP_MAX	1232	/* what we send and announce over UDP */

enum dns_opcode { DNS_QUERY = 0, DNS_NOTIFY = 4, DNS_UPDATE = 5, DNS_DSO = 6 };

enum dns_rcode {
	DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4, DNS_REFUSED = 5, DNS_YXDOMAIN = 6, DNS_YXRRSET = 7,
	DNS_NXRRSET = 8, DNS_NOTAUTH = 9, DNS_NOTZONE = 10,
	DNS_DSOTYPENI = 11, DNS_BADVERS = 16,
};

enum dns_type {
	DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12,
	DNS_HINFO = 13, DNS_MX = 15, DNS_TXT = 16, DNS_KEY = 25, DNS_AAAA = 28,
	DNS_SRV = 33, DNS_DNAME = 39, DNS_OPT = 41, DNS_TSIG = 250,
	DNS_IXFR = 251, DNS_AXFR = 252, DNS_ANY = 255,
	/* Private use (RFC 6895), of this project; never served: */
	DNS_LEASED = 65282,	/* marks a leased record, lease/marker.h */
	DNS_ENROLLED = 65283,	/* at a host's name: its key is valid */
};

enum dns_class { DNS_IN = 1, DNS_NONE = 254, DNS_CLASS_ANY = 255 };

/* Flags in the second 16-bit word. */
#define DNS_QR		0x8000
#define DNS_AA		0x0400
#define DNS_TC		0x0200
#define DNS_RD		0x0100
#define DNS_RA		0x0080

static inline uint16_t dns_u16(const uint8_t *p) { return p[0] << 8 | p[1]; }

static inline uint32_t dns_u32(const uint8_t *p)
{
	return (uint32_t)dns_u16(p) << 16 | dns_u16(p + 2);
}

static inline void dns_put16(uint8_t *p, uint16_t v) { p[0] = v >> 8; p[1] = v; }

static inline void dns_put32(uint8_t *p, uint32_t v)
{
	dns_put16(p, v >> 16);
	dns_put16(p + 2, v);
}

static inline uint16_t dns_id(const uint8_t *msg) { return dns_u16(msg); }
static inline uint16_t dns_flags(const uint8_t *msg) { return dns_u16(msg + 2); }
static inline unsigned int dns_opcode(const uint8_t *msg) { return msg[2] >> 3 & 15; }
static inline unsigned int dns_rcode(const uint8_t *msg) { return msg[3] & 15; }
/* Section 0..3: question or zone, answer or prerequisite, authority or update,
 * additional.
 */
static inline uint16_t dns_count(const uint8_t *msg, int section)
{
	return dns_u16(msg + 4 + 2 * section);
}

/* "NOERROR"; @buf is used for what has no name: "RCODE 17". */
#define DNS_RCODE_TEXT	24
const char *dns_rcode_text(unsigned int rcode, char buf[DNS_RCODE_TEXT]);

struct dns_question {
	uint8_t name[DNAME_MAX];	/* as it came */
	uint16_t type, class_;
};

#define DNS_RR_FIXED	10	/* type, class, TTL, RDATA's length */

struct dns_rr {
	uint8_t owner[DNAME_MAX];	/* as it came */
	uint16_t type, class_;
	uint32_t ttl;
	const uint8_t *rdata;		/* in the message; names in it may be compressed */
	uint16_t rdlen;
	size_t start, end;		/* offsets of the whole record */
};

/*
 * A walk. dns_walk_init() checks the header (0 or -EBADMSG); then
 * dns_walk_question() as often as there are questions, then dns_walk_rr() for
 * the three other sections (w->section says which one the last record was in).
 * Both return 1, 0 at the end, or -EBADMSG, which stays. Octets behind the last
 * record are an error.
 */
struct dns_walk {
	const uint8_t *msg;
	size_t len, pos;
	int section, left;
	bool bad;
};

/*
 * The record at @pos of a message that may be read up to @end. False: it is
 * malformed or does not end there.
 */
bool dns_rr_read(const uint8_t *msg, size_t end, size_t pos, struct dns_rr *rr);

int dns_walk_init(struct dns_walk *w, const uint8_t *msg, size_t len);
int dns_walk_question(struct dns_walk *w, struct dns_question *q);
/* Skips what is left of the questions by itself. */
int dns_walk_rr(struct dns_walk *w, struct dns_rr *rr);

/*
 * What dispatching needs to know of a message, gathered in one walk over all of
 * it. Return: 0 or -EBADMSG (also: OPT or TSIG twice, OPT outside the additional
 * section, TSIG not the very last record, an owner of OPT that is not the root).
 */
struct dns_shape {
	bool has_opt, has_tsig;
	uint16_t udp_size;		/* OPT's class; 0 without */
	uint8_t edns_version;
	uint32_t opt_ttl;
	const uint8_t *opt;		/* OPT's options */
	uint16_t opt_len;
	size_t opt_start, opt_end;	/* offsets of the record */
	size_t tsig_start;		/* offset of TSIG; the message's length without */
	uint8_t tsig_key[DNAME_MAX];	/* lower case */
};

int dns_shape(const uint8_t *msg, size_t len, struct dns_shape *out);

/*
 * RDATA without compression and in RFC 4034 6.2 canonical form (names of the
 * types listed there in lower case), so that octets can be compared. For types
 * unknown to it: copied. @out has room for 65535.
 *
 * Return: length, or -EBADMSG when the RDATA does not fit its type.
 */
int dns_rdata_canonical(const uint8_t *msg, size_t msg_len, const struct dns_rr *rr,
			uint8_t *out);
/* The same, but with names in the case they came in: for people to read. */
int dns_rdata_unpack(const uint8_t *msg, size_t msg_len, const struct dns_rr *rr,
		     uint8_t *out);

/*
 * A writer. Errors (no room) stick; check w->failed once. What did not fit is
 * taken back, so that the message holds whole records at any time. Sections have
 * to be written in order; the counts are kept by the writer. Names are compressed
 * where @compress is set, as it is at first (owner names and the names in NS,
 * CNAME, PTR, SOA, MX; never in SRV, RFC 2782). They keep their case.
 */
struct dns_writer {
	uint8_t *buf;
	size_t size, len;
	bool failed, compress;
	int section;
	uint16_t n_offsets;
	uint16_t offsets[64];		/* where names stand that can be pointed to */
};

void dns_writer_init(struct dns_writer *w, uint8_t *buf, size_t size,
		     uint16_t id, uint16_t flags_opcode_rcode);
void dns_put_question(struct dns_writer *w, const uint8_t *name, uint16_t type,
		      uint16_t class_);
/* @rdata: uncompressed */
void dns_put_rr(struct dns_writer *w, int section, const uint8_t *owner, uint16_t type,
		uint16_t class_, uint32_t ttl, const uint8_t *rdata, size_t rdlen);
/* An OPT with @options (already encoded), in the additional section. */
void dns_put_opt(struct dns_writer *w, uint16_t udp_size, uint32_t ttl,
		 const uint8_t *options, size_t len);
/*
 * A place to come back to: dns_rewind() takes back all that was put since
 * dns_mark(), also that there was no room for it. To make room for a TC answer.
 */
struct dns_mark {
	size_t len;
	uint16_t counts[4], n_offsets;
	int section;
	bool failed;
};

void dns_mark(const struct dns_writer *w, struct dns_mark *m);
void dns_rewind(struct dns_writer *w, const struct dns_mark *m);

/*
 * A response with @rcode to @req, its question section repeated when it can be
 * read (else with none), without OPT: for errors. An @rcode over 15, which only
 * OPT could say, becomes SERVFAIL. Return: its length, 0 when
 * @req is not even a header or is itself a response.
 */
size_t dns_error_response(const uint8_t *req, size_t len, unsigned int rcode,
			  uint8_t *out, size_t size);

#endif
