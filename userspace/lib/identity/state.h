/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The identity as it is kept in a file of the runtime directory, for the time from
 * one boot to power-off. Text, one word and its value a line, with a check sum last.
 */
#ifndef BTMM_IDENTITY_STATE_H
#define BTMM_IDENTITY_STATE_H

#include "identity.h"

#define BOOT_ID_LEN	36	/* as in /proc/sys/kernel/random/boot_id, without newline */
#define IDENTITY_STATE_MAX	256

/* @boot_id: BOOT_ID_LEN characters and NUL. Return: octets, all of them ASCII. */
size_t identity_state_write(const struct identity *id, const char *boot_id,
			    char out[IDENTITY_STATE_MAX]);

/*
 * NULL: @id is what was written. Else why it is not to be believed, as a sentence to
 * be put behind the file's name; @id is not changed. *stale: because it is of another
 * boot, which is no damage.
 */
const char *identity_state_read(const char *buf, size_t len, const char *boot_id,
				struct identity *id, bool *stale);

/* Is it 36 characters of a boot id? */
bool boot_id_check(const char *boot_id);

#endif
