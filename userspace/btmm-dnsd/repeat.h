/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that came within the last ten minutes (twice the fudge of TSIG), so that
 * none is done twice: who repeats one gets the answer it had.
 */
#ifndef BTMM_DNSD_REPEAT_H
#define BTMM_DNSD_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPEAT_MAC	10	/* a MAC cut down to this is still a MAC, RFC 8945 5.2.2.1 */
#define REPEAT_TIME	600	/* s */

struct repeat_id {
	uint64_t key;			/* identity.tag */
	uint8_t mac[REPEAT_MAC];
};

struct repeat {
	struct repeat_id id;
	uint64_t row;			/* its number; in the data base, too */
	uint64_t time_signed;		/* s, as its TSIG said */
	uint64_t at;			/* ms */
	uint32_t chain;
	bool used, pending;
	/* What was answered. */
	uint8_t rcode;
	bool has_opt, has_lease, long_form;
	uint32_t lease, key_lease;
};

struct repeats;
struct repeats *repeats_new(size_t max);
void repeats_free(struct repeats *r);
size_t repeats_count(const struct repeats *r);

/* Valid until the next repeats_add(). */
struct repeat *repeats_find(struct repeats *r, const struct repeat_id *id);
struct repeat *repeats_get(struct repeats *r, uint64_t row);
/* The row that the next will have. */
uint64_t repeats_end(const struct repeats *r);
/* A new one, pending. When there are too many, the oldest is forgotten before its
 * time, see repeats_floor(). NULL: no memory.
 */
struct repeat *repeats_add(struct repeats *r, const struct repeat_id *id, uint64_t time_signed,
			   uint64_t now);
/* As it was before a restart: rows in rising order. */
struct repeat *repeats_load(struct repeats *r, const struct repeat *from);
void repeats_remove(struct repeats *r, uint64_t row);
/* Forgets what is too old. Return: rows up to this one are not needed any more. */
uint64_t repeats_pass(struct repeats *r, uint64_t now);
/* A request signed at this time or before may be one that was forgotten too early. */
uint64_t repeats_floor(const struct repeats *r);

#endif
