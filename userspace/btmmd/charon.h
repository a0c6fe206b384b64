/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our own instance of strongSwan's charon: its configuration, which root writes before
 * it is started (btmm-charon.service), what stands in its way, and which cipher this
 * CPU is good at.
 */
#ifndef BTMMD_CHARON_H
#define BTMMD_CHARON_H

#include <stdbool.h>
#include <stddef.h>

#include "../lib/ike/charon_conf.h"

#define CHARON_CONF	"strongswan.conf"	/* in the runtime directory */
#define CHARON_VICI	"vici"			/* there, too */

/*
 * Writes DIR/strongswan.conf, in one piece; @conf->vici is made from @dir. The
 * directory must be root's alone to write: charon does what the file says.
 * 0; or a negative errno and, in @error, a sentence without its stop.
 */
int charon_prepare(const char *dir, const struct charon_conf *conf, char *error, size_t size);

/*
 * May charon have UDP port 500 over IPv6? 0; -EADDRINUSE: another IKE daemon has it, and
 * @error names it if that can be found out; or another negative errno. To be asked
 * with the right to bind to it, before charon runs.
 */
int charon_port_free(char *error, size_t size);

/*
 * Makes packets of this network name space wait for their SAs, which by default are
 * dropped: the first one of a connection, and with it a second. 0 or negative errno.
 */
int charon_packets_wait(void);

/* Lets the kernel load what an SA needs, before somebody waits for one. 0 or negative errno. */
int charon_first_sa(bool aes);

/* AES in hardware: then AES-GCM is the faster one. */
bool charon_cpu_has_aes(void);

#endif
