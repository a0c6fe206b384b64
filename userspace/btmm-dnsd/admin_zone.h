/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone taken off this server: by "account remove", and by "restore --force". */
#ifndef BTMM_DNSD_ADMIN_ZONE_H
#define BTMM_DNSD_ADMIN_ZONE_H

#include "conf.h"
#include "setup.h"

/* @su, zeroed, for a zone that is configured. 0 or -ENOMEM and why. */
int admin_zone_begin(const struct conf_zone *z, struct setup *su, struct why *why);
/*
 * Writes the zone's records and account key where they can be found again; @path gets
 * where. @force: goes on, with a warning, when the primary cannot be asked.
 */
int admin_zone_keep(struct setup *su, bool force, char *path, size_t size, struct why *why);
/* Off btmm-dnsd and off its primary. Everything is as it was when it fails. */
int admin_zone_take_off(struct setup *su, const char *control_socket, struct why *why);

#endif
