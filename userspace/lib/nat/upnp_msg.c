// SPDX-License-Identifier: GPL-2.0-or-later
#include "upnp_msg.h"

#include <errno.h>

#include "../dns/message.h"

#define LENGTH		2
#define REQUEST		(LENGTH + 23)	/* without the description */
#define RESPONSE	(LENGTH + 21)

size_t upnp_request_put(uint8_t out[UPNP_MSG_MAX], const struct upnp_request *r)
{
	size_t n = strnlen(r->description, sizeof(r->description) - 1);

	dns_put16(out, (uint16_t)(REQUEST + n - LENGTH));
	out[2] = (uint8_t)r->op;
	dns_put32(out + 3, r->id);
	memcpy(out + 7, r->gateway.b, 4);
	memcpy(out + 11, r->own.b, 4);
	dns_put16(out + 15, r->external);
	dns_put16(out + 17, r->internal);
	dns_put32(out + 19, r->lease);
	dns_put16(out + 23, r->timeout);
	memcpy(out + REQUEST, r->description, n);
	return REQUEST + n;
}

size_t upnp_response_put(uint8_t out[UPNP_MSG_MAX], const struct upnp_response *r)
{
	dns_put16(out, RESPONSE - LENGTH);
	out[2] = (uint8_t)r->op;
	dns_put32(out + 3, r->id);
	dns_put16(out + 7, r->status);
	out[9] = r->version;
	out[10] = r->enabled;
	memcpy(out + 11, r->address.b, 4);
	dns_put16(out + 15, r->external);
	dns_put16(out + 17, r->internal);
	dns_put32(out + 19, r->lease);
	return RESPONSE;
}

/* The frame's length, if it is complete, and if it is one from @min to @max long */
static int frame(const uint8_t *buf, size_t len, size_t min, size_t max)
{
	size_t n;

	if (len < LENGTH)
		return 0;
	n = LENGTH + dns_u16(buf);
	if (n < min || n > max)
		return -EBADMSG;
	if (len < n)
		return 0;
	return buf[2] < UPNP_DISCOVER || buf[2] > UPNP_DELETE ? -EBADMSG : (int)n;
}

int upnp_request_read(const uint8_t *buf, size_t len, struct upnp_request *out)
{
	int n = frame(buf, len, REQUEST, REQUEST + UPNP_DESCRIPTION - 1), i;

	if (n <= 0)
		return n;
	/* It goes into XML. */
	for (i = REQUEST; i < n; i++)
		if (buf[i] < ' ' || buf[i] > '~' || strchr("<>&\"'", buf[i]))
			return -EBADMSG;
	*out = (struct upnp_request){
		.op = buf[2], .id = dns_u32(buf + 3), .external = dns_u16(buf + 15),
		.internal = dns_u16(buf + 17), .lease = dns_u32(buf + 19),
		.timeout = dns_u16(buf + 23),
	};
	memcpy(out->gateway.b, buf + 7, 4);
	memcpy(out->own.b, buf + 11, 4);
	memcpy(out->description, buf + REQUEST, (size_t)n - REQUEST);
	return n;
}

int upnp_response_read(const uint8_t *buf, size_t len, struct upnp_response *out)
{
	int n = frame(buf, len, RESPONSE, RESPONSE);

	if (n <= 0)
		return n;
	*out = (struct upnp_response){
		.op = buf[2], .id = dns_u32(buf + 3), .status = dns_u16(buf + 7),
		.version = buf[9], .enabled = buf[10], .external = dns_u16(buf + 15),
		.internal = dns_u16(buf + 17), .lease = dns_u32(buf + 19),
	};
	memcpy(out->address.b, buf + 11, 4);
	return n;
}
