// SPDX-License-Identifier: GPL-2.0-or-later
#include "msg.h"

#include <errno.h>
#include <string.h>

/* Encoding */

static void endpoint_encode(struct nl_writer *w, uint16_t type,
			    const struct at_endpoint *ep)
{
	size_t nest = nl_nest_begin(w, type);

	if (AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_ADDR))
		nl_put(w, AUTOTUNNEL_ENDPOINT_A_ADDR, ep->addr.b, ep->addr.len);
	if (AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_PORT))
		nl_put_be16(w, AUTOTUNNEL_ENDPOINT_A_PORT, ep->port);
	if (AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_LOCAL))
		nl_put(w, AUTOTUNNEL_ENDPOINT_A_LOCAL, ep->local.b,
		       ep->local.len);
	if (AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_OIF))
		nl_put_u32(w, AUTOTUNNEL_ENDPOINT_A_OIF, ep->oif);
	if (AT_HAS(ep, AUTOTUNNEL_ENDPOINT_A_ORIGIN))
		nl_put_u8(w, AUTOTUNNEL_ENDPOINT_A_ORIGIN, ep->origin);

	nl_nest_end(w, nest);
}

static void peer_encode(struct nl_writer *w, const struct at_peer *peer)
{
	size_t nest = nl_nest_begin(w, AUTOTUNNEL_A_PEER);

	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_ULA))
		nl_put(w, AUTOTUNNEL_PEER_A_ULA, &peer->ula, sizeof(peer->ula));
	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_ENDPOINT))
		endpoint_encode(w, AUTOTUNNEL_PEER_A_ENDPOINT, &peer->endpoint);
	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_PREVIOUS))
		endpoint_encode(w, AUTOTUNNEL_PEER_A_PREVIOUS, &peer->previous);
	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_KEEPALIVE))
		nl_put_u16(w, AUTOTUNNEL_PEER_A_KEEPALIVE, peer->keepalive);
	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_RX_PACKETS))
		nl_put_u64(w, AUTOTUNNEL_PEER_A_RX_PACKETS, peer->rx_packets);
	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_RX_BYTES))
		nl_put_u64(w, AUTOTUNNEL_PEER_A_RX_BYTES, peer->rx_bytes);
	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_TX_PACKETS))
		nl_put_u64(w, AUTOTUNNEL_PEER_A_TX_PACKETS, peer->tx_packets);
	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_TX_BYTES))
		nl_put_u64(w, AUTOTUNNEL_PEER_A_TX_BYTES, peer->tx_bytes);
	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_RX_AGE))
		nl_put_u64(w, AUTOTUNNEL_PEER_A_RX_AGE, peer->rx_age);
	if (AT_HAS(peer, AUTOTUNNEL_PEER_A_MOVES))
		nl_put_u32(w, AUTOTUNNEL_PEER_A_MOVES, peer->moves);

	nl_nest_end(w, nest);
}

static void dev_encode(struct nl_writer *w, const struct at_dev *dev)
{
	size_t nest = nl_nest_begin(w, AUTOTUNNEL_A_DEV);
	size_t i;

	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_IFNAME))
		nl_put_string(w, AUTOTUNNEL_DEV_A_IFNAME, dev->ifname);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_LOCAL))
		nl_put(w, AUTOTUNNEL_DEV_A_LOCAL, &dev->local,
		       sizeof(dev->local));
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_PORT))
		nl_put_be16(w, AUTOTUNNEL_DEV_A_PORT, dev->port);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_FWMARK))
		nl_put_u32(w, AUTOTUNNEL_DEV_A_FWMARK, dev->fwmark);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_KEEPALIVE))
		nl_put_u16(w, AUTOTUNNEL_DEV_A_KEEPALIVE, dev->keepalive);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_TX_BATCH))
		nl_put_u8(w, AUTOTUNNEL_DEV_A_TX_BATCH, dev->tx_batch);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_RX_GRO))
		nl_put_u8(w, AUTOTUNNEL_DEV_A_RX_GRO, dev->rx_gro);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_MAX_PEERS))
		nl_put_u32(w, AUTOTUNNEL_DEV_A_MAX_PEERS, dev->max_peers);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_PEERS))
		nl_put_u32(w, AUTOTUNNEL_DEV_A_PEERS, dev->peers);

	for (i = 0; i < dev->n_counters; i++) {
		size_t counter = nl_nest_begin(w, AUTOTUNNEL_DEV_A_COUNTER);

		nl_put_string(w, AUTOTUNNEL_COUNTER_A_NAME,
			      dev->counters[i].name);
		nl_put_u64(w, AUTOTUNNEL_COUNTER_A_VALUE,
			   dev->counters[i].value);
		nl_nest_end(w, counter);
	}

	nl_nest_end(w, nest);
}

void at_msg_encode(struct nl_writer *w, const struct at_msg *msg)
{
	if (AT_HAS(msg, AUTOTUNNEL_A_IFINDEX))
		nl_put_u32(w, AUTOTUNNEL_A_IFINDEX, msg->ifindex);
	if (AT_HAS(msg, AUTOTUNNEL_A_DEV))
		dev_encode(w, &msg->dev);
	if (AT_HAS(msg, AUTOTUNNEL_A_PEER))
		peer_encode(w, &msg->peer);
	if (AT_HAS(msg, AUTOTUNNEL_A_ENDPOINT))
		endpoint_encode(w, AUTOTUNNEL_A_ENDPOINT, &msg->endpoint);
	if (AT_HAS(msg, AUTOTUNNEL_A_HOLD))
		nl_put_u64(w, AUTOTUNNEL_A_HOLD, msg->hold);
	if (AT_HAS(msg, AUTOTUNNEL_A_IKE_SPI_I))
		nl_put(w, AUTOTUNNEL_A_IKE_SPI_I, msg->ike_spi_i,
		       sizeof(msg->ike_spi_i));
	if (AT_HAS(msg, AUTOTUNNEL_A_IKE_EXCHANGE))
		nl_put_u8(w, AUTOTUNNEL_A_IKE_EXCHANGE, msg->ike_exchange);
	if (AT_HAS(msg, AUTOTUNNEL_A_ESP_SPI))
		nl_put_be32(w, AUTOTUNNEL_A_ESP_SPI, msg->esp_spi);
	if (AT_HAS(msg, AUTOTUNNEL_A_DGRAM))
		nl_put(w, AUTOTUNNEL_A_DGRAM, msg->dgram, msg->dgram_len);
}

void at_link_encode(struct nl_writer *w, const struct at_dev *dev)
{
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_LOCAL))
		nl_put(w, IFLA_AUTOTUNNEL_LOCAL, &dev->local,
		       sizeof(dev->local));
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_PORT))
		nl_put_be16(w, IFLA_AUTOTUNNEL_PORT, dev->port);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_FWMARK))
		nl_put_u32(w, IFLA_AUTOTUNNEL_FWMARK, dev->fwmark);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_KEEPALIVE))
		nl_put_u16(w, IFLA_AUTOTUNNEL_KEEPALIVE, dev->keepalive);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_TX_BATCH))
		nl_put_u8(w, IFLA_AUTOTUNNEL_TX_BATCH, dev->tx_batch);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_RX_GRO))
		nl_put_u8(w, IFLA_AUTOTUNNEL_RX_GRO, dev->rx_gro);
	if (AT_HAS(dev, AUTOTUNNEL_DEV_A_MAX_PEERS))
		nl_put_u32(w, IFLA_AUTOTUNNEL_MAX_PEERS, dev->max_peers);
}

/* Decoding */

/*
 * The next attribute that we know, noted in @have. One that may be there
 * several times is named by @many.
 */
static bool next_known(struct nl_reader *r, struct nl_attr *a, uint32_t *have,
		       unsigned int max, unsigned int many)
{
	while (nl_next(r, a)) {
		if (!a->type || a->type > max)
			continue;
		if (a->type != many && *have & AT_BIT(a->type)) {
			r->failed = true;
			return false;
		}
		*have |= AT_BIT(a->type);
		return true;
	}

	return false;
}

static void addr_decode(struct nl_reader *r, const struct nl_attr *a,
			struct addr *out)
{
	if (a->len != 4 && a->len != 16) {
		r->failed = true;
		return;
	}

	out->len = (uint8_t)a->len;
	memcpy(out->b, a->data, a->len);
}

/* A string must end within its attribute and fit in @out. */
static void string_decode(struct nl_reader *r, const struct nl_attr *a,
			  char *out, size_t size)
{
	const uint8_t *end = a->len ? memchr(a->data, 0, a->len) : NULL;
	size_t len;

	if (!end || (size_t)(end - a->data) >= size) {
		r->failed = true;
		return;
	}

	len = end - a->data;
	memcpy(out, a->data, len);
	out[len] = '\0';
}

static void endpoint_decode(struct nl_reader *outer, const struct nl_attr *nest,
			    struct at_endpoint *ep)
{
	struct nl_reader r;
	struct nl_attr a;

	nl_reader_init(&r, nest->data, nest->len);
	while (next_known(&r, &a, &ep->have, AUTOTUNNEL_ENDPOINT_A_MAX, 0)) {
		switch (a.type) {
		case AUTOTUNNEL_ENDPOINT_A_ADDR:
			addr_decode(&r, &a, &ep->addr);
			break;
		case AUTOTUNNEL_ENDPOINT_A_PORT:
			ep->port = nl_get_be16(&r, &a);
			break;
		case AUTOTUNNEL_ENDPOINT_A_LOCAL:
			addr_decode(&r, &a, &ep->local);
			break;
		case AUTOTUNNEL_ENDPOINT_A_OIF:
			ep->oif = nl_get_u32(&r, &a);
			break;
		case AUTOTUNNEL_ENDPOINT_A_ORIGIN:
			ep->origin = nl_get_u8(&r, &a);
			break;
		}
	}

	outer->failed |= r.failed;
}

static void peer_decode(struct nl_reader *outer, const struct nl_attr *nest,
			struct at_peer *peer)
{
	struct nl_reader r;
	struct nl_attr a;

	nl_reader_init(&r, nest->data, nest->len);
	while (next_known(&r, &a, &peer->have, AUTOTUNNEL_PEER_A_MAX,
			  AUTOTUNNEL_PEER_A_PAD)) {
		switch (a.type) {
		case AUTOTUNNEL_PEER_A_ULA:
			nl_get_bytes(&r, &a, &peer->ula, sizeof(peer->ula));
			break;
		case AUTOTUNNEL_PEER_A_ENDPOINT:
			endpoint_decode(&r, &a, &peer->endpoint);
			break;
		case AUTOTUNNEL_PEER_A_PREVIOUS:
			endpoint_decode(&r, &a, &peer->previous);
			break;
		case AUTOTUNNEL_PEER_A_KEEPALIVE:
			peer->keepalive = nl_get_u16(&r, &a);
			break;
		case AUTOTUNNEL_PEER_A_RX_PACKETS:
			peer->rx_packets = nl_get_u64(&r, &a);
			break;
		case AUTOTUNNEL_PEER_A_RX_BYTES:
			peer->rx_bytes = nl_get_u64(&r, &a);
			break;
		case AUTOTUNNEL_PEER_A_TX_PACKETS:
			peer->tx_packets = nl_get_u64(&r, &a);
			break;
		case AUTOTUNNEL_PEER_A_TX_BYTES:
			peer->tx_bytes = nl_get_u64(&r, &a);
			break;
		case AUTOTUNNEL_PEER_A_RX_AGE:
			peer->rx_age = nl_get_u64(&r, &a);
			break;
		case AUTOTUNNEL_PEER_A_MOVES:
			peer->moves = nl_get_u32(&r, &a);
			break;
		}
	}

	outer->failed |= r.failed;
}

static void counter_decode(struct nl_reader *outer, const struct nl_attr *nest,
			   struct at_counter *out)
{
	struct nl_reader r;
	struct nl_attr a;
	uint32_t have = 0;

	memset(out, 0, sizeof(*out));
	nl_reader_init(&r, nest->data, nest->len);
	while (next_known(&r, &a, &have, AUTOTUNNEL_COUNTER_A_MAX,
			  AUTOTUNNEL_COUNTER_A_PAD)) {
		switch (a.type) {
		case AUTOTUNNEL_COUNTER_A_NAME:
			string_decode(&r, &a, out->name, sizeof(out->name));
			break;
		case AUTOTUNNEL_COUNTER_A_VALUE:
			out->value = nl_get_u64(&r, &a);
			break;
		}
	}

	/* A counter without a name or a value is none. */
	if (!out->name[0] || !(have & AT_BIT(AUTOTUNNEL_COUNTER_A_VALUE)))
		r.failed = true;
	outer->failed |= r.failed;
}

static void dev_decode(struct nl_reader *outer, const struct nl_attr *nest,
		       struct at_dev *dev)
{
	struct at_counter counter;
	struct nl_reader r;
	struct nl_attr a;

	nl_reader_init(&r, nest->data, nest->len);
	while (next_known(&r, &a, &dev->have, AUTOTUNNEL_DEV_A_MAX,
			  AUTOTUNNEL_DEV_A_COUNTER)) {
		switch (a.type) {
		case AUTOTUNNEL_DEV_A_IFNAME:
			string_decode(&r, &a, dev->ifname, sizeof(dev->ifname));
			break;
		case AUTOTUNNEL_DEV_A_LOCAL:
			nl_get_bytes(&r, &a, &dev->local, sizeof(dev->local));
			break;
		case AUTOTUNNEL_DEV_A_PORT:
			dev->port = nl_get_be16(&r, &a);
			break;
		case AUTOTUNNEL_DEV_A_FWMARK:
			dev->fwmark = nl_get_u32(&r, &a);
			break;
		case AUTOTUNNEL_DEV_A_KEEPALIVE:
			dev->keepalive = nl_get_u16(&r, &a);
			break;
		case AUTOTUNNEL_DEV_A_TX_BATCH:
			dev->tx_batch = nl_get_u8(&r, &a);
			break;
		case AUTOTUNNEL_DEV_A_RX_GRO:
			dev->rx_gro = nl_get_u8(&r, &a);
			break;
		case AUTOTUNNEL_DEV_A_MAX_PEERS:
			dev->max_peers = nl_get_u32(&r, &a);
			break;
		case AUTOTUNNEL_DEV_A_PEERS:
			dev->peers = nl_get_u32(&r, &a);
			break;
		case AUTOTUNNEL_DEV_A_COUNTER:
			counter_decode(&r, &a, &counter);
			dev->n_counters++;
			break;
		}
	}

	dev->attrs = nest->data;
	dev->attrs_len = nest->len;
	outer->failed |= r.failed;
}

bool at_counter_next(const struct at_dev *dev, struct nl_reader *r,
		     struct at_counter *out)
{
	struct nl_attr a;

	if (!r->p)
		nl_reader_init(r, dev->attrs, dev->attrs_len);

	while (nl_next(r, &a)) {
		if (a.type != AUTOTUNNEL_DEV_A_COUNTER)
			continue;
		counter_decode(r, &a, out);
		return !r->failed;
	}

	return false;
}

int at_msg_decode(struct at_msg *msg, uint8_t cmd, const void *buf, size_t len)
{
	struct nl_reader r;
	struct nl_attr a;

	memset(msg, 0, sizeof(*msg));
	msg->cmd = cmd;

	nl_reader_init(&r, buf, len);
	while (next_known(&r, &a, &msg->have, AUTOTUNNEL_A_MAX,
			  AUTOTUNNEL_A_PAD)) {
		switch (a.type) {
		case AUTOTUNNEL_A_IFINDEX:
			msg->ifindex = nl_get_u32(&r, &a);
			break;
		case AUTOTUNNEL_A_DEV:
			dev_decode(&r, &a, &msg->dev);
			break;
		case AUTOTUNNEL_A_PEER:
			peer_decode(&r, &a, &msg->peer);
			break;
		case AUTOTUNNEL_A_ENDPOINT:
			endpoint_decode(&r, &a, &msg->endpoint);
			break;
		case AUTOTUNNEL_A_HOLD:
			msg->hold = nl_get_u64(&r, &a);
			break;
		case AUTOTUNNEL_A_IKE_SPI_I:
			nl_get_bytes(&r, &a, msg->ike_spi_i,
				     sizeof(msg->ike_spi_i));
			break;
		case AUTOTUNNEL_A_IKE_EXCHANGE:
			msg->ike_exchange = nl_get_u8(&r, &a);
			break;
		case AUTOTUNNEL_A_ESP_SPI:
			msg->esp_spi = nl_get_be32(&r, &a);
			break;
		case AUTOTUNNEL_A_DGRAM:
			msg->dgram = a.data;
			msg->dgram_len = a.len;
			break;
		}
	}

	return r.failed ? -EBADMSG : 0;
}
