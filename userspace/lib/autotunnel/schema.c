// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of attributes and commands, as in
 * Documentation/netlink/specs/autotunnel.yaml.
 */
#include "msg.h"

static const struct nl_schema_attr counter_attrs[] = {
	[AUTOTUNNEL_COUNTER_A_NAME]	= { "name", NULL },
	[AUTOTUNNEL_COUNTER_A_VALUE]	= { "value", NULL },
	[AUTOTUNNEL_COUNTER_A_PAD]	= { "pad", NULL },
};

static const struct nl_schema counter_schema = NL_SCHEMA(counter_attrs);

static const struct nl_schema_attr dev_attrs[] = {
	[AUTOTUNNEL_DEV_A_IFNAME]	= { "ifname", NULL },
	[AUTOTUNNEL_DEV_A_LOCAL]	= { "local", NULL },
	[AUTOTUNNEL_DEV_A_PORT]		= { "port", NULL },
	[AUTOTUNNEL_DEV_A_FWMARK]	= { "fwmark", NULL },
	[AUTOTUNNEL_DEV_A_KEEPALIVE]	= { "keepalive", NULL },
	[AUTOTUNNEL_DEV_A_TX_BATCH]	= { "tx-batch", NULL },
	[AUTOTUNNEL_DEV_A_RX_GRO]	= { "rx-gro", NULL },
	[AUTOTUNNEL_DEV_A_MAX_PEERS]	= { "max-peers", NULL },
	[AUTOTUNNEL_DEV_A_PEERS]	= { "peers", NULL },
	[AUTOTUNNEL_DEV_A_COUNTER]	= { "counter", &counter_schema },
};

static const struct nl_schema dev_schema = NL_SCHEMA(dev_attrs);

static const struct nl_schema_attr endpoint_attrs[] = {
	[AUTOTUNNEL_ENDPOINT_A_ADDR]	= { "addr", NULL },
	[AUTOTUNNEL_ENDPOINT_A_PORT]	= { "port", NULL },
	[AUTOTUNNEL_ENDPOINT_A_LOCAL]	= { "local", NULL },
	[AUTOTUNNEL_ENDPOINT_A_OIF]	= { "oif", NULL },
	[AUTOTUNNEL_ENDPOINT_A_ORIGIN]	= { "origin", NULL },
};

static const struct nl_schema endpoint_schema = NL_SCHEMA(endpoint_attrs);

static const struct nl_schema_attr peer_attrs[] = {
	[AUTOTUNNEL_PEER_A_ULA]		= { "ula", NULL },
	[AUTOTUNNEL_PEER_A_ENDPOINT]	= { "endpoint", &endpoint_schema },
	[AUTOTUNNEL_PEER_A_PREVIOUS]	= { "previous", &endpoint_schema },
	[AUTOTUNNEL_PEER_A_KEEPALIVE]	= { "keepalive", NULL },
	[AUTOTUNNEL_PEER_A_RX_PACKETS]	= { "rx-packets", NULL },
	[AUTOTUNNEL_PEER_A_RX_BYTES]	= { "rx-bytes", NULL },
	[AUTOTUNNEL_PEER_A_TX_PACKETS]	= { "tx-packets", NULL },
	[AUTOTUNNEL_PEER_A_TX_BYTES]	= { "tx-bytes", NULL },
	[AUTOTUNNEL_PEER_A_RX_AGE]	= { "rx-age", NULL },
	[AUTOTUNNEL_PEER_A_MOVES]	= { "moves", NULL },
	[AUTOTUNNEL_PEER_A_PAD]		= { "pad", NULL },
};

static const struct nl_schema peer_schema = NL_SCHEMA(peer_attrs);

static const struct nl_schema_attr top_attrs[] = {
	[AUTOTUNNEL_A_IFINDEX]		= { "ifindex", NULL },
	[AUTOTUNNEL_A_DEV]		= { "dev", &dev_schema },
	[AUTOTUNNEL_A_PEER]		= { "peer", &peer_schema },
	[AUTOTUNNEL_A_ENDPOINT]		= { "endpoint", &endpoint_schema },
	[AUTOTUNNEL_A_HOLD]		= { "hold", NULL },
	[AUTOTUNNEL_A_IKE_SPI_I]	= { "ike-spi-i", NULL },
	[AUTOTUNNEL_A_IKE_EXCHANGE]	= { "ike-exchange", NULL },
	[AUTOTUNNEL_A_ESP_SPI]		= { "esp-spi", NULL },
	[AUTOTUNNEL_A_DGRAM]		= { "dgram", NULL },
	[AUTOTUNNEL_A_PAD]		= { "pad", NULL },
};

const struct nl_schema at_schema = NL_SCHEMA(top_attrs);

static const char *const cmd_names[] = {
	[AUTOTUNNEL_CMD_DEV_GET]	= "dev-get",
	[AUTOTUNNEL_CMD_DEV_SET]	= "dev-set",
	[AUTOTUNNEL_CMD_PEER_NEW]	= "peer-new",
	[AUTOTUNNEL_CMD_PEER_SET]	= "peer-set",
	[AUTOTUNNEL_CMD_PEER_GET]	= "peer-get",
	[AUTOTUNNEL_CMD_PEER_DEL]	= "peer-del",
	[AUTOTUNNEL_CMD_IKE_ANSWER]	= "ike-answer",
	[AUTOTUNNEL_CMD_DGRAM_SEND]	= "dgram-send",
	[AUTOTUNNEL_CMD_ENDPOINT_NTF]	= "endpoint-ntf",
	[AUTOTUNNEL_CMD_STALE_NTF]	= "stale-ntf",
	[AUTOTUNNEL_CMD_SOURCE_NTF]	= "source-ntf",
	[AUTOTUNNEL_CMD_IKE_NTF]	= "ike-ntf",
	[AUTOTUNNEL_CMD_DGRAM_NTF]	= "dgram-ntf",
};

const char *at_cmd_name(uint8_t cmd)
{
	if (cmd >= sizeof(cmd_names) / sizeof(*cmd_names))
		return NULL;

	return cmd_names[cmd];
}
