// SPDX-License-Identifier: GPL-2.0-or-later
#include "edns.h"

#include <errno.h>
#include <string.h>

#include "message.h"

int edns_next(const uint8_t *options, size_t len, size_t *pos, struct edns_option *out)
{
	size_t at = *pos;

	if (at == len)
		return 0;
	if (at > len || len - at < 4)
		return -EBADMSG;

	out->code = dns_u16(options + at);
	out->len = dns_u16(options + at + 2);
	out->data = options + at + 4;
	if (out->len > len - at - 4)
		return -EBADMSG;

	*pos = at + 4 + out->len;
	return 1;
}

int llq_option_read(const struct edns_option *o, struct llq_option *out)
{
	if (o->len != LLQ_OPTION_LEN)
		return -EBADMSG;

	out->version = dns_u16(o->data);
	out->opcode = dns_u16(o->data + 2);
	out->error = dns_u16(o->data + 4);
	memcpy(out->id, o->data + 6, LLQ_ID_LEN);
	out->lease = dns_u32(o->data + 6 + LLQ_ID_LEN);
	return 0;
}

size_t llq_option_write(const struct llq_option *in, uint8_t out[4 + LLQ_OPTION_LEN])
{
	dns_put16(out, EDNS_LLQ);
	dns_put16(out + 2, LLQ_OPTION_LEN);
	dns_put16(out + 4, in->version);
	dns_put16(out + 6, in->opcode);
	dns_put16(out + 8, in->error);
	memcpy(out + 10, in->id, LLQ_ID_LEN);
	dns_put32(out + 10 + LLQ_ID_LEN, in->lease);
	return 4 + LLQ_OPTION_LEN;
}

int lease_option_read(const struct edns_option *o, struct lease_option *out)
{
	if (o->len != 4 && o->len != 8)
		return -EBADMSG;

	out->long_form = o->len == 8;
	out->lease = dns_u32(o->data);
	out->key_lease = out->long_form ? dns_u32(o->data + 4) : out->lease;
	return 0;
}

size_t lease_option_write(const struct lease_option *in, uint8_t out[12])
{
	size_t len = in->long_form ? 8 : 4;

	dns_put16(out, EDNS_UPDATE_LEASE);
	dns_put16(out + 2, (uint16_t)len);
	dns_put32(out + 4, in->lease);
	if (in->long_form)
		dns_put32(out + 8, in->key_lease);
	return 4 + len;
}
