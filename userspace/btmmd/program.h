/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process around a daemon (daemon.h): signals, what systemd hands over, the control
 * socket, and the daemon itself, which may be down, or begin again with another
 * configuration while the kernel's tunnels go on.
 */
#ifndef BTMM_BTMMD_PROGRAM_H
#define BTMM_BTMMD_PROGRAM_H

/* @conf_path: NULL for the usual one. Returns the process's exit status. */
int program_run(const char *conf_path);

#endif
