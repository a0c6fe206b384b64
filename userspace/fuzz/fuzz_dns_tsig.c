// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What comes signed, or seems to: libFuzzer target for TSIG records. Nobody can
 * sign for the key here but this program, so nothing else may be found good.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/dns/message.h"
#include "../lib/dns/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tsig_mac request = { .len = 32, .b = "the MAC of what was asked before" };

static void must(bool ok)
{
	if (!ok)
		abort();
}

static struct tsig_key key_for(const struct tsig_claim *claim)
{
	struct tsig_key key = {
		.name = "\4fuzz", .algorithm = TSIG_HMAC_SHA256,
		.secret = "known to this program only", .secret_len = 26,
	};

	if (claim && claim->algorithm) {
		memcpy(key.name, claim->key_name, sizeof(key.name));
		key.algorithm = claim->algorithm;
	}
	return key;
}

static void read_only(const uint8_t *data, size_t size)
{
	struct tsig_claim claim, again;
	struct tsig_key key;
	uint8_t buf[1024];
	size_t len = DNS_HEADER;
	int ret = tsig_read(data, size, &claim);

	key = key_for(ret ? NULL : &claim);
	must(tsig_check(data, size, &key, NULL) != TSIG_OK);
	must(tsig_check(data, size, &key, &request) != TSIG_OK);
	if (ret)
		return;

	must(claim.mac.len <= TSIG_MAC_MAX);
	must(dname_check(claim.key_name, DNAME_MAX));
	must(dname_check(claim.algorithm_name, DNAME_MAX));
	memset(buf, 0, DNS_HEADER);
	dns_put16(buf + 2, DNS_QR);
	must(!tsig_append_error(buf, &len, sizeof(buf), &claim, TSIG_BADKEY));
	must(!tsig_read(buf, len, &again) && again.error == TSIG_BADKEY);
	must(dname_equal(again.key_name, claim.key_name));
	must(dname_equal(again.algorithm_name, claim.algorithm_name));
	must(again.time_signed == claim.time_signed && !again.mac.len);
}

/* Signed by us, and one bit of it turned that the data choose. */
static void sign(const uint8_t *data, size_t size)
{
	struct tsig_key key = key_for(NULL);
	struct tsig_mac mac;
	struct dns_shape shape;
	size_t len = size, at;
	uint8_t *buf;

	if (dns_shape(data, size, &shape) || shape.has_tsig)
		return;
	buf = malloc(size + TSIG_ROOM);
	must(!!buf);
	memcpy(buf, data, size);
	if (!tsig_sign(buf, &len, size + TSIG_ROOM, &key, &request, &mac, TSIG_OK, 0)) {
		must(tsig_check(buf, len, &key, &request) == TSIG_OK);
		must(tsig_check(buf, len, &key, NULL) != TSIG_OK);
		/* but in its ID, or in the case of a name */
		at = 2 + dns_id(data) % (len - 2);
		buf[at] ^= 1u << (data[3] % 5);
		must(tsig_check(buf, len, &key, &request) != TSIG_OK);
	}
	free(buf);
}

/* Messages with their length in front, as TCP has them. */
static void stream(const uint8_t *data, size_t size)
{
	struct tsig_key key = key_for(NULL);
	struct tsig_stream *s = tsig_stream_new(&key, &request);
	uint8_t first[DNS_HEADER + TSIG_ROOM] = { 0 };
	size_t len = DNS_HEADER;
	struct tsig_mac mac;

	must(s && !tsig_sign(first, &len, sizeof(first), &key, &request, &mac, TSIG_OK, 0));
	must(tsig_stream_check(s, first, len) == TSIG_OK && tsig_stream_done(s));
	while (size >= 2) {
		len = dns_u16(data);
		if (len > size - 2)
			len = size - 2;
		tsig_stream_check(s, data + 2, len);
		must(!tsig_stream_done(s));
		data += 2 + len;
		size -= 2 + len;
	}
	tsig_stream_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_only(data, size);
	if (size >= DNS_HEADER && size <= DNS_MAX)
		sign(data, size);
	stream(data, size);
	return 0;
}
