/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands where in a backup. */
#ifndef BTMM_DNSD_ADMIN_BACKUP_H
#define BTMM_DNSD_ADMIN_BACKUP_H

#define BACKUP_ABOUT		"btmm-dnsd-backup"
#define BACKUP_FIRST_LINE	"btmm-dnsd backup 1 "
#define BACKUP_ETC		"etc/btmm/"
#define BACKUP_ZONES		"zones/"
#define BACKUP_LEASES		"state/leases.db"

#endif
