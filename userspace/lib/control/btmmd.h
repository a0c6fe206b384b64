/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where btmmd listens, and what its methods are in; Documentation/control.md. */
#ifndef BTMM_CONTROL_BTMMD_H
#define BTMM_CONTROL_BTMMD_H

#define BTMMD_SOCKET	"/run/btmmd/control"	/* unless btmmd.conf has another one */
#define BTMMD_INTERFACE	"io.btmm.btmmd"

#endif
