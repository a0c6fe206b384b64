// SPDX-License-Identifier: GPL-2.0-or-later
#include "marker.h"

#include <string.h>

#include <openssl/evp.h>

#include "../dns/message.h"
#include "../dns/name.h"

#define VERSION	1

static void hash(const uint8_t *head, size_t head_len, const uint8_t *data, size_t len,
		 uint8_t out[MARKER_HASH])
{
	uint8_t md[EVP_MAX_MD_SIZE] = { 0 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	/* It fails when there is no memory, and then so does all that follows. */
	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
	    EVP_DigestUpdate(ctx, head, head_len) && EVP_DigestUpdate(ctx, data, len))
		EVP_DigestFinal_ex(ctx, md, NULL);
	EVP_MD_CTX_free(ctx);
	memcpy(out, md, MARKER_HASH);
}

void marker_record_hash(uint16_t type, const uint8_t *rdata, size_t len,
			uint8_t out[MARKER_HASH])
{
	uint8_t head[2];

	dns_put16(head, type);
	hash(head, sizeof(head), rdata, len, out);
}

void marker_holder_hash(const uint8_t *key_name, uint8_t out[MARKER_HASH])
{
	uint8_t name[DNAME_MAX];
	size_t len = dname_len(key_name);

	memcpy(name, key_name, len);
	dname_lower(name);
	hash(name, 0, name, len, out);
}

bool marker_read(const uint8_t *rdata, size_t len, struct marker *out)
{
	if (len != MARKER_LEN || rdata[0] != VERSION)
		return false;

	out->type = dns_u16(rdata + 1);
	memcpy(out->record, rdata + 3, MARKER_HASH);
	memcpy(out->holder, rdata + 3 + MARKER_HASH, MARKER_HASH);
	return true;
}

void marker_write(const struct marker *in, uint8_t out[MARKER_LEN])
{
	out[0] = VERSION;
	dns_put16(out + 1, in->type);
	memcpy(out + 3, in->record, MARKER_HASH);
	memcpy(out + 3 + MARKER_HASH, in->holder, MARKER_HASH);
}
