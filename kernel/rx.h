/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _AUTOTUNNEL_RX_H
#define _AUTOTUNNEL_RX_H

#include <linux/list.h>
#include <linux/skbuff.h>

#include "autotunnel.h"

/* Enough of a payload to tell what it is. */
#define AT_PEEK_LEN		8

enum at_payload {
	AT_PAYLOAD_BAD,
	AT_PAYLOAD_KEEPALIVE,
	AT_PAYLOAD_IKE,
	AT_PAYLOAD_DATAGRAM,
	AT_PAYLOAD_ESP,
};

int at_rx(struct sock *sk, struct sk_buff *skb);
enum at_payload at_payload_kind(const void *data, unsigned int len);
void at_rx_read_from(const struct sk_buff *skb, struct at_from *from, u8 *tos);
void at_rx_esp(struct at_dev *at, struct sk_buff *skb,
	       const struct at_from *from, u8 tos);
int at_rx_icmp_error(struct sock *sk, struct sk_buff *skb);
bool at_rx_is_datagram(const void *data, unsigned int len);
void at_rx_ike_deliver(struct at_dev *at, struct sk_buff *skb,
		       const struct in6_addr *ula);

struct sk_buff *at_rx_gro(struct sock *sk, struct list_head *head,
			  struct sk_buff *skb);

int at_rx_register(void);
void at_rx_unregister(void);

#endif /* _AUTOTUNNEL_RX_H */
