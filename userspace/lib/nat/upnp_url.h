/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where UPnP devices send us: SSDP answers and URLs, as far as they are believed. */
#ifndef BTMM_NAT_UPNP_URL_H
#define BTMM_NAT_UPNP_URL_H

#include <stddef.h>

#include "address.h"

#define UPNP_URL_MAX	256	/* octets, with the terminating zero */
#define UPNP_SEARCH_MAX	192

/*
 * The host of http://A.B.C.D[:PORT][/...]. False: it is another kind of URL, or has a
 * name, or a user in it: nothing that is to be looked up or misread.
 */
bool upnp_url_host(const char *url, struct ipv4 *host);

/*
 * An M-SEARCH for @target (UPnP Device Architecture 1.1, 1.3.2), @mx: s, in which
 * devices have to answer. Returns the length.
 */
size_t upnp_search_put(char out[UPNP_SEARCH_MAX], const char *target, unsigned int mx);

/*
 * The LOCATION in an answer to M-SEARCH, if it is one, of an Internet gateway or a
 * root device, and the URL is on @gateway.
 */
bool upnp_search_location(const uint8_t *msg, size_t len, struct ipv4 gateway,
			  char out[UPNP_URL_MAX]);

/*
 * The version of a service that maps ports: WANIPConnection or WANPPPConnection; 0: it
 * is another one.
 */
unsigned int upnp_service_version(const char *type);

#endif
