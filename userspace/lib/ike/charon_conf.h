/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The strongswan.conf of our own charon, as text. */
#ifndef BTMM_IKE_CHARON_CONF_H
#define BTMM_IKE_CHARON_CONF_H

#include <stddef.h>

#define CHARON_CONF_MAX	4096

struct charon_conf {
	const char *device;	/* the tunnel's; charon sees no other */
	const char *vici;	/* path of the socket */
	const char *group;	/* that may use the socket; NULL: root's only */
	const char *log;	/* a file, for tests; NULL: the journal */
};

/*
 * Return: the text's length in @out; -EINVAL when a value has characters that mean
 * something there, -ENOSPC.
 */
int charon_conf_text(const struct charon_conf *c, char *out, size_t size);

#endif
