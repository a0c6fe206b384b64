/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What btmmd and its child, which speaks UPnP and may block, say to each other over a
 * stream: frames of two octets of length and that many octets. One request at a time,
 * one response to each, in host order here.
 */
#ifndef BTMM_NAT_UPNP_MSG_H
#define BTMM_NAT_UPNP_MSG_H

#include <stddef.h>

#include "address.h"

#define UPNP_DESCRIPTION	48	/* octets, with the terminating zero */
#define UPNP_MSG_MAX		128	/* octets; no frame is longer */

enum upnp_op {
	UPNP_DISCOVER = 1,	/* @timeout -> @version, @address: of the control URL's host */
	UPNP_ADDRESS,		/* -> @address */
	UPNP_ADD,		/* @external, @internal, @lease, @description */
	UPNP_ADD_ANY,		/* the same -> @external; IGD 2 only */
	UPNP_GET,		/* @external -> @address, @internal, @lease, @enabled */
	UPNP_DELETE,		/* @external */
};

/* @status of a response: 0, one of these, or a UPnP error code */
enum upnp_status {
	UPNP_OK,
	UPNP_NO_DEVICE,		/* nobody answered the search */
	UPNP_FOREIGN,		/* it answered, but sends us to another host */
	UPNP_FAILED,		/* no answer by HTTP, or none that can be read */
	UPNP_INVALID_ACTION = 401, UPNP_INVALID_ARGS = 402, UPNP_ACTION_FAILED = 501,
	UPNP_NOT_IMPLEMENTED = 602, UPNP_NOT_AUTHORIZED = 606, UPNP_NO_SUCH_ENTRY = 714,
	UPNP_CONFLICT = 718, UPNP_SAME_PORT = 724, UPNP_ONLY_PERMANENT = 725,
	UPNP_EXTERNAL_WILDCARD = 727, UPNP_NO_PORTS = 728, UPNP_OTHER_MECHANISM = 729,
};

struct upnp_request {
	enum upnp_op op;
	uint32_t id;		/* the response has the same */
	struct ipv4 gateway;	/* whose answers count */
	struct ipv4 own;	/* what is asked from, and mapped to */
	uint16_t external, internal;
	uint32_t lease;		/* s; 0: for ever */
	uint16_t timeout;	/* ms */
	char description[UPNP_DESCRIPTION];	/* printable ASCII */
};

struct upnp_response {
	enum upnp_op op;
	uint32_t id;
	uint16_t status;
	uint8_t version;	/* of the service: 1, 2 */
	bool enabled;
	struct ipv4 address;
	uint16_t external, internal;
	uint32_t lease;
};

/* Both return the length of the frame. */
size_t upnp_request_put(uint8_t out[UPNP_MSG_MAX], const struct upnp_request *r);
size_t upnp_response_put(uint8_t out[UPNP_MSG_MAX], const struct upnp_response *r);

/*
 * The first frame in @buf: its length; 0: it is not complete; -EBADMSG: the other
 * side talks nonsense, and the stream cannot be used any more.
 */
int upnp_request_read(const uint8_t *buf, size_t len, struct upnp_request *out);
int upnp_response_read(const uint8_t *buf, size_t len, struct upnp_response *out);

#endif
