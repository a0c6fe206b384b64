// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages of the family: every command there and back, and what must not
 * get through.
 */
#include "test.h"

#include <errno.h>

#include "../lib/autotunnel/msg.h"

static const struct at_counter counters[] = {
	{ .name = "tx_no_peer", .value = 1 },
	{ .name = "rx_unknown_spi", .value = UINT64_MAX },
};

#define ADDR4(...)	{ .len = 4, .b = { __VA_ARGS__ } }

/* Every attribute of every set, so that none is forgotten. */
static struct at_msg full(void)
{
	static const uint8_t dgram[] = { 0, 0, 0, 1, 'x' };
	struct at_msg m = {
		.have = AT_BIT(AUTOTUNNEL_A_PAD) - 2,
		.ifindex = 7,
		.dev = {
			/* Without COUNTER, which counts as many. */
			.have = AT_BIT(AUTOTUNNEL_DEV_A_COUNTER) - 2,
			.ifname = "btmm0",
			.local.s6_addr = { 0xfd, 1, [15] = 2 },
			.port = 4500,
			.fwmark = 0xdeadbeef,
			.keepalive = 20,
			.tx_batch = 1,
			.rx_gro = 1,
			.max_peers = 131072,
			.peers = 3,
			.counters = counters,
			.n_counters = N_OF(counters),
		},
		.peer = {
			.have = AT_BIT(AUTOTUNNEL_PEER_A_PAD) - 2,
			.ula.s6_addr = { 0xfd, 9, [15] = 1 },
			.endpoint = {
				.have = AT_BIT(AUTOTUNNEL_ENDPOINT_A_MAX + 1) - 2,
				.addr = ADDR4(192, 0, 2, 1),
				.port = 4500,
				.local = ADDR4(10, 0, 0, 1),
				.oif = 3,
				.origin = AUTOTUNNEL_ORIGIN_LEARNT,
			},
			.previous = {
				.have = AT_BIT(AUTOTUNNEL_ENDPOINT_A_ADDR) |
					AT_BIT(AUTOTUNNEL_ENDPOINT_A_PORT),
				.addr = { .len = 16, .b = { 0x20, 1 } },
				.port = 65535,
			},
			.keepalive = AUTOTUNNEL_KEEPALIVE_DEV,
			.rx_packets = 1,
			.rx_bytes = UINT64_MAX,
			.tx_packets = 3,
			.tx_bytes = 4,
			.rx_age = 5,
			.moves = UINT32_MAX,
		},
		.endpoint = {
			.have = AT_BIT(AUTOTUNNEL_ENDPOINT_A_ADDR) |
				AT_BIT(AUTOTUNNEL_ENDPOINT_A_PORT),
			.addr = ADDR4(198, 51, 100, 1),
			.port = 1,
		},
		.hold = UINT64_MAX,
		.ike_spi_i = { 1, 2, 3, 4, 5, 6, 7, 8 },
		.ike_exchange = 34,
		.esp_spi = 0x11223344,
		.dgram = dgram,
		.dgram_len = sizeof(dgram),
	};

	return m;
}

/* What each command carries, by the YAML description. */
static const struct {
	uint8_t cmd;
	uint32_t attrs;
} carried[] = {
	{ AUTOTUNNEL_CMD_DEV_GET, AT_BIT(AUTOTUNNEL_A_DEV) },
	{ AUTOTUNNEL_CMD_DEV_SET, AT_BIT(AUTOTUNNEL_A_DEV) },
	{ AUTOTUNNEL_CMD_PEER_NEW, AT_BIT(AUTOTUNNEL_A_PEER) },
	{ AUTOTUNNEL_CMD_PEER_SET, AT_BIT(AUTOTUNNEL_A_PEER) },
	{ AUTOTUNNEL_CMD_PEER_GET, AT_BIT(AUTOTUNNEL_A_PEER) },
	{ AUTOTUNNEL_CMD_PEER_DEL, AT_BIT(AUTOTUNNEL_A_PEER) },
	{ AUTOTUNNEL_CMD_IKE_ANSWER,
	  AT_BIT(AUTOTUNNEL_A_HOLD) | AT_BIT(AUTOTUNNEL_A_PEER) },
	{ AUTOTUNNEL_CMD_DGRAM_SEND,
	  AT_BIT(AUTOTUNNEL_A_ENDPOINT) | AT_BIT(AUTOTUNNEL_A_DGRAM) },
	{ AUTOTUNNEL_CMD_ENDPOINT_NTF, AT_BIT(AUTOTUNNEL_A_PEER) },
	{ AUTOTUNNEL_CMD_STALE_NTF, AT_BIT(AUTOTUNNEL_A_PEER) },
	{ AUTOTUNNEL_CMD_SOURCE_NTF,
	  AT_BIT(AUTOTUNNEL_A_ENDPOINT) | AT_BIT(AUTOTUNNEL_A_ESP_SPI) |
	  AT_BIT(AUTOTUNNEL_A_PEER) },
	{ AUTOTUNNEL_CMD_IKE_NTF,
	  AT_BIT(AUTOTUNNEL_A_ENDPOINT) | AT_BIT(AUTOTUNNEL_A_HOLD) |
	  AT_BIT(AUTOTUNNEL_A_IKE_SPI_I) | AT_BIT(AUTOTUNNEL_A_IKE_EXCHANGE) },
	{ AUTOTUNNEL_CMD_DGRAM_NTF,
	  AT_BIT(AUTOTUNNEL_A_ENDPOINT) | AT_BIT(AUTOTUNNEL_A_DGRAM) },
};

static size_t encode(const struct at_msg *m, uint8_t *buf, size_t size)
{
	struct nl_writer w = { .buf = buf, .size = size };

	at_msg_encode(&w, m);
	assert_false(w.failed);
	return w.len;
}

static void same_endpoint(const struct at_endpoint *a,
			  const struct at_endpoint *b)
{
	assert_int_equal(a->have, b->have);
	assert_memory_equal(&a->addr, &b->addr, sizeof(a->addr));
	assert_int_equal(a->port, b->port);
	assert_memory_equal(&a->local, &b->local, sizeof(a->local));
	assert_int_equal(a->oif, b->oif);
	assert_int_equal(a->origin, b->origin);
}

static void same_dev(const struct at_dev *got, const struct at_dev *want)
{
	struct nl_reader r = { 0 };
	struct at_counter counter;
	size_t i;

	assert_int_equal(got->have & ~AT_BIT(AUTOTUNNEL_DEV_A_COUNTER),
			 want->have);
	assert_string_equal(got->ifname, want->ifname);
	assert_memory_equal(&got->local, &want->local, sizeof(got->local));
	assert_int_equal(got->port, want->port);
	assert_int_equal(got->fwmark, want->fwmark);
	assert_int_equal(got->keepalive, want->keepalive);
	assert_int_equal(got->tx_batch, want->tx_batch);
	assert_int_equal(got->rx_gro, want->rx_gro);
	assert_int_equal(got->max_peers, want->max_peers);
	assert_int_equal(got->peers, want->peers);

	assert_int_equal(got->n_counters, want->n_counters);
	for (i = 0; i < want->n_counters; i++) {
		assert_true(at_counter_next(got, &r, &counter));
		assert_string_equal(counter.name, want->counters[i].name);
		assert_true(counter.value == want->counters[i].value);
	}
	assert_false(at_counter_next(got, &r, &counter));
	assert_false(r.failed);
}

static void same_peer(const struct at_peer *a, const struct at_peer *b)
{
	assert_int_equal(a->have, b->have);
	assert_memory_equal(&a->ula, &b->ula, sizeof(a->ula));
	same_endpoint(&a->endpoint, &b->endpoint);
	same_endpoint(&a->previous, &b->previous);
	assert_int_equal(a->keepalive, b->keepalive);
	assert_true(a->rx_packets == b->rx_packets);
	assert_true(a->rx_bytes == b->rx_bytes);
	assert_true(a->tx_packets == b->tx_packets);
	assert_true(a->tx_bytes == b->tx_bytes);
	assert_true(a->rx_age == b->rx_age);
	assert_int_equal(a->moves, b->moves);
}

static void round_trip(void **state)
{
	size_t i, len;
	unsigned int seen = 0;

	(void)state;
	for (i = 0; i < N_OF(carried); i++) {
		struct at_msg want = full(), got;
		uint8_t buf[1024];

		want.have &= carried[i].attrs | AT_BIT(AUTOTUNNEL_A_IFINDEX);
		len = encode(&want, buf, sizeof(buf));
		assert_int_equal(at_msg_decode(&got, carried[i].cmd, buf, len),
				 0);

		assert_int_equal(got.cmd, carried[i].cmd);
		assert_int_equal(got.have, want.have);
		assert_int_equal(got.ifindex, want.ifindex);
		if (AT_HAS(&want, AUTOTUNNEL_A_DEV))
			same_dev(&got.dev, &want.dev);
		if (AT_HAS(&want, AUTOTUNNEL_A_PEER))
			same_peer(&got.peer, &want.peer);
		if (AT_HAS(&want, AUTOTUNNEL_A_ENDPOINT))
			same_endpoint(&got.endpoint, &want.endpoint);
		if (AT_HAS(&want, AUTOTUNNEL_A_HOLD))
			assert_true(got.hold == want.hold);
		if (AT_HAS(&want, AUTOTUNNEL_A_IKE_SPI_I))
			assert_memory_equal(got.ike_spi_i, want.ike_spi_i, 8);
		if (AT_HAS(&want, AUTOTUNNEL_A_IKE_EXCHANGE))
			assert_int_equal(got.ike_exchange, want.ike_exchange);
		if (AT_HAS(&want, AUTOTUNNEL_A_ESP_SPI))
			assert_int_equal(got.esp_spi, want.esp_spi);
		if (AT_HAS(&want, AUTOTUNNEL_A_DGRAM)) {
			assert_int_equal(got.dgram_len, want.dgram_len);
			assert_memory_equal(got.dgram, want.dgram,
					    want.dgram_len);
		}

		assert_non_null(at_cmd_name(carried[i].cmd));
		seen |= 1u << carried[i].cmd;
	}

	/* No command was forgotten, and there are no others. */
	assert_int_equal(seen, (1u << (AUTOTUNNEL_CMD_MAX + 1)) - 2);
	assert_null(at_cmd_name(0));
	assert_null(at_cmd_name(AUTOTUNNEL_CMD_MAX + 1));
}

/* Octets as the kernel would send them, so that both sides cannot err alike. */
static void wire_format(void **state)
{
	static const uint8_t want[] = {
		0x08, 0x00, 0x01, 0x00, 0x07, 0x00, 0x00, 0x00,
		0x2c, 0x00, 0x03, 0x80,
		0x14, 0x00, 0x01, 0x00, 0xfd, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0x02,
		0x14, 0x00, 0x02, 0x80,
		0x08, 0x00, 0x01, 0x00, 192, 0, 2, 1,
		0x06, 0x00, 0x02, 0x00, 0x11, 0x94, 0x00, 0x00,
	};
	struct at_msg m = {
		.have = AT_BIT(AUTOTUNNEL_A_IFINDEX) |
			AT_BIT(AUTOTUNNEL_A_PEER),
		.ifindex = 7,
		.peer = {
			.have = AT_BIT(AUTOTUNNEL_PEER_A_ULA) |
				AT_BIT(AUTOTUNNEL_PEER_A_ENDPOINT),
			.ula.s6_addr = { 0xfd, [15] = 2 },
			.endpoint = {
				.have = AT_BIT(AUTOTUNNEL_ENDPOINT_A_ADDR) |
					AT_BIT(AUTOTUNNEL_ENDPOINT_A_PORT),
				.addr = ADDR4(192, 0, 2, 1),
				.port = 4500,
			},
		},
	};
	uint8_t buf[256];

	(void)state;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	skip();
#endif
	assert_int_equal(encode(&m, buf, sizeof(buf)), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));

	/* "No endpoint" is a nest with nothing in it. */
	m.peer.endpoint.have = 0;
	assert_int_equal(encode(&m, buf, sizeof(buf)), 36);
	assert_memory_equal(buf + 32, "\x04\x00\x02\x80", 4);
}

static void truncated(void **state)
{
	struct at_msg m = full(), got;
	uint8_t buf[1024], *cut;
	size_t len, n;

	(void)state;
	len = encode(&m, buf, sizeof(buf));
	for (n = 0; n <= len; n++) {
		cut = exact_copy(buf, n);
		at_msg_decode(&got, AUTOTUNNEL_CMD_PEER_GET, cut, n);
		free(cut);
	}

	/* A cut inside of the last attribute does not pass. */
	cut = exact_copy(buf, len - 4);
	assert_int_equal(at_msg_decode(&got, AUTOTUNNEL_CMD_PEER_GET, cut,
				       len - 4), -EBADMSG);
	free(cut);
}

/* A message of one attribute, by itself or in a nest, of a given length. */
static int decode_one(uint16_t nest_type, uint16_t type, size_t len,
		      unsigned int times)
{
	uint8_t buf[512], data[64] = { 0 };
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	struct at_msg got;
	size_t nest = 0;

	if (nest_type)
		nest = nl_nest_begin(&w, nest_type);
	while (times--)
		nl_put(&w, type, data, len);
	if (nest_type)
		nl_nest_end(&w, nest);
	assert_false(w.failed);
	return at_msg_decode(&got, AUTOTUNNEL_CMD_DEV_GET, buf, w.len);
}

static const struct {
	uint16_t nest, type;
	size_t len, other;	/* both are right */
} lengths[] = {
	{ 0, AUTOTUNNEL_A_IFINDEX, 4, 4 },
	{ 0, AUTOTUNNEL_A_HOLD, 8, 8 },
	{ 0, AUTOTUNNEL_A_IKE_SPI_I, 8, 8 },
	{ 0, AUTOTUNNEL_A_IKE_EXCHANGE, 1, 1 },
	{ 0, AUTOTUNNEL_A_ESP_SPI, 4, 4 },
	{ AUTOTUNNEL_A_DEV, AUTOTUNNEL_DEV_A_LOCAL, 16, 16 },
	{ AUTOTUNNEL_A_DEV, AUTOTUNNEL_DEV_A_PORT, 2, 2 },
	{ AUTOTUNNEL_A_DEV, AUTOTUNNEL_DEV_A_FWMARK, 4, 4 },
	{ AUTOTUNNEL_A_DEV, AUTOTUNNEL_DEV_A_KEEPALIVE, 2, 2 },
	{ AUTOTUNNEL_A_DEV, AUTOTUNNEL_DEV_A_TX_BATCH, 1, 1 },
	{ AUTOTUNNEL_A_DEV, AUTOTUNNEL_DEV_A_RX_GRO, 1, 1 },
	{ AUTOTUNNEL_A_DEV, AUTOTUNNEL_DEV_A_MAX_PEERS, 4, 4 },
	{ AUTOTUNNEL_A_DEV, AUTOTUNNEL_DEV_A_PEERS, 4, 4 },
	{ AUTOTUNNEL_A_ENDPOINT, AUTOTUNNEL_ENDPOINT_A_ADDR, 4, 16 },
	{ AUTOTUNNEL_A_ENDPOINT, AUTOTUNNEL_ENDPOINT_A_PORT, 2, 2 },
	{ AUTOTUNNEL_A_ENDPOINT, AUTOTUNNEL_ENDPOINT_A_LOCAL, 4, 16 },
	{ AUTOTUNNEL_A_ENDPOINT, AUTOTUNNEL_ENDPOINT_A_OIF, 4, 4 },
	{ AUTOTUNNEL_A_ENDPOINT, AUTOTUNNEL_ENDPOINT_A_ORIGIN, 1, 1 },
	{ AUTOTUNNEL_A_PEER, AUTOTUNNEL_PEER_A_ULA, 16, 16 },
	{ AUTOTUNNEL_A_PEER, AUTOTUNNEL_PEER_A_KEEPALIVE, 2, 2 },
	{ AUTOTUNNEL_A_PEER, AUTOTUNNEL_PEER_A_RX_PACKETS, 8, 8 },
	{ AUTOTUNNEL_A_PEER, AUTOTUNNEL_PEER_A_RX_BYTES, 8, 8 },
	{ AUTOTUNNEL_A_PEER, AUTOTUNNEL_PEER_A_TX_PACKETS, 8, 8 },
	{ AUTOTUNNEL_A_PEER, AUTOTUNNEL_PEER_A_TX_BYTES, 8, 8 },
	{ AUTOTUNNEL_A_PEER, AUTOTUNNEL_PEER_A_RX_AGE, 8, 8 },
	{ AUTOTUNNEL_A_PEER, AUTOTUNNEL_PEER_A_MOVES, 4, 4 },
};

static void wrong_lengths(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < N_OF(lengths); i++) {
		for (len = 0; len <= 40; len++) {
			bool right = len == lengths[i].len ||
				     len == lengths[i].other;

			assert_int_equal(decode_one(lengths[i].nest,
						    lengths[i].type, len, 1),
					 right ? 0 : -EBADMSG);
		}
	}
}

static void duplicates(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(lengths); i++)
		assert_int_equal(decode_one(lengths[i].nest, lengths[i].type,
					    lengths[i].len, 2), -EBADMSG);

	/* Nests, too. */
	assert_int_equal(decode_one(0, AUTOTUNNEL_A_PEER, 0, 1), 0);
	assert_int_equal(decode_one(0, AUTOTUNNEL_A_PEER, 0, 2), -EBADMSG);
	/* Padding is not information. */
	assert_int_equal(decode_one(0, AUTOTUNNEL_A_PAD, 0, 3), 0);
	assert_int_equal(decode_one(AUTOTUNNEL_A_PEER, AUTOTUNNEL_PEER_A_PAD,
				    0, 3), 0);
}

static void unknown_attributes(void **state)
{
	(void)state;
	/* A newer kernel may send them, as often as it likes. */
	assert_int_equal(decode_one(0, 200, 13, 3), 0);
	assert_int_equal(decode_one(0, 0x3fff, 0, 1), 0);
	assert_int_equal(decode_one(0, 0, 5, 2), 0);
	assert_int_equal(decode_one(AUTOTUNNEL_A_DEV, 33, 13, 3), 0);
	assert_int_equal(decode_one(AUTOTUNNEL_A_PEER, 32, 13, 3), 0);
}

static int decode_ifname(const char *data, size_t len, struct at_msg *got)
{
	static uint8_t buf[256];
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	size_t nest = nl_nest_begin(&w, AUTOTUNNEL_A_DEV);

	nl_put(&w, AUTOTUNNEL_DEV_A_IFNAME, data, len);
	nl_nest_end(&w, nest);
	return at_msg_decode(got, AUTOTUNNEL_CMD_DEV_GET, buf, w.len);
}

static void strings(void **state)
{
	struct at_msg got;

	(void)state;
	assert_int_equal(decode_ifname("btmm0", 6, &got), 0);
	assert_string_equal(got.dev.ifname, "btmm0");
	assert_int_equal(decode_ifname("btmm0\0rest", 11, &got), 0);
	assert_string_equal(got.dev.ifname, "btmm0");
	assert_int_equal(decode_ifname("123456789012345", 16, &got), 0);
	assert_int_equal(decode_ifname("1234567890123456", 17, &got), -EBADMSG);
	assert_int_equal(decode_ifname("btmm0", 5, &got), -EBADMSG);
	assert_int_equal(decode_ifname("", 0, &got), -EBADMSG);
}

static int decode_counter(bool name, bool value, size_t name_len)
{
	uint8_t buf[512];
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	char text[128];
	struct at_msg got;
	size_t dev, counter;

	memset(text, 'x', sizeof(text));
	text[name_len] = '\0';
	dev = nl_nest_begin(&w, AUTOTUNNEL_A_DEV);
	counter = nl_nest_begin(&w, AUTOTUNNEL_DEV_A_COUNTER);
	if (name)
		nl_put_string(&w, AUTOTUNNEL_COUNTER_A_NAME, text);
	if (value)
		nl_put_u64(&w, AUTOTUNNEL_COUNTER_A_VALUE, 1);
	nl_nest_end(&w, counter);
	nl_nest_end(&w, dev);
	assert_false(w.failed);
	return at_msg_decode(&got, AUTOTUNNEL_CMD_DEV_GET, buf, w.len);
}

static void bad_counters(void **state)
{
	(void)state;
	assert_int_equal(decode_counter(true, true, 10), 0);
	assert_int_equal(decode_counter(true, true, 63), 0);
	assert_int_equal(decode_counter(true, true, 64), -EBADMSG);
	assert_int_equal(decode_counter(true, true, 0), -EBADMSG);
	assert_int_equal(decode_counter(false, true, 10), -EBADMSG);
	assert_int_equal(decode_counter(true, false, 10), -EBADMSG);
}

/* A nest whose inner lengths lie. */
static void bad_nests(void **state)
{
	uint8_t buf[512], *copy;
	struct at_msg m = full(), got;
	size_t len, i;

	(void)state;
	len = encode(&m, buf, sizeof(buf));
	/* Every octet by itself made as wrong as it can be. */
	for (i = 0; i < len; i++) {
		static const uint8_t values[] = { 0, 1, 3, 4, 0x7f, 0xff };
		size_t v;

		for (v = 0; v < N_OF(values); v++) {
			copy = exact_copy(buf, len);
			copy[i] = values[v];
			at_msg_decode(&got, AUTOTUNNEL_CMD_DEV_GET, copy, len);
			free(copy);
		}
	}
}

static void link_attributes(void **state)
{
	struct at_msg m = full();
	uint8_t buf[256];
	struct nl_writer w = { .buf = buf, .size = sizeof(buf) };
	unsigned int seen = 0;
	struct nl_reader r;
	struct nl_attr a;

	(void)state;
	at_link_encode(&w, &m.dev);
	assert_false(w.failed);

	nl_reader_init(&r, buf, w.len);
	while (nl_next(&r, &a)) {
		seen |= 1u << a.type;
		switch (a.type) {
		case IFLA_AUTOTUNNEL_LOCAL:
			assert_int_equal(a.len, 16);
			break;
		case IFLA_AUTOTUNNEL_PORT:
			assert_int_equal(nl_get_be16(&r, &a), 4500);
			break;
		case IFLA_AUTOTUNNEL_FWMARK:
			assert_int_equal(nl_get_u32(&r, &a), 0xdeadbeef);
			break;
		case IFLA_AUTOTUNNEL_KEEPALIVE:
			assert_int_equal(nl_get_u16(&r, &a), 20);
			break;
		case IFLA_AUTOTUNNEL_MAX_PEERS:
			assert_int_equal(nl_get_u32(&r, &a), 131072);
			break;
		}
	}
	assert_false(r.failed);
	/* All but the one that is read only. */
	assert_int_equal(seen, (1u << IFLA_AUTOTUNNEL_PEERS) - 2);
}

static void encode_into_little_room(void **state)
{
	struct at_msg m = full();
	uint8_t buf[1024];
	size_t len = encode(&m, buf, sizeof(buf)), n;

	(void)state;
	for (n = 0; n < len; n++) {
		uint8_t *small = malloc(n ? n : 1);
		struct nl_writer w = { .buf = small, .size = n };

		at_msg_encode(&w, &m);
		assert_true(w.failed);
		free(small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(wire_format),
		cmocka_unit_test(truncated),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(unknown_attributes),
		cmocka_unit_test(strings),
		cmocka_unit_test(bad_counters),
		cmocka_unit_test(bad_nests),
		cmocka_unit_test(link_attributes),
		cmocka_unit_test(encode_into_little_room),
	};

	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
