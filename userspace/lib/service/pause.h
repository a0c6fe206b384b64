/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon that cannot begin, started by systemd again and again: systemd of Debian 12
 * knows one RestartSec= for whatever has happened, and who was killed is wanted back at once.
 */
#ifndef BTMM_SERVICE_PAUSE_H
#define BTMM_SERVICE_PAUSE_H

#define SERVICE_PAUSE	5	/* s */

/*
 * Before an exit of which people have been told the reason: waits, if systemd would start
 * us again at once, until @seconds are over or SIGTERM or SIGINT has come.
 */
void service_pause(unsigned int seconds);

#endif
