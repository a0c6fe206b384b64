/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters: one per reason a packet was dropped, and a few of what went
 * well. A name here is a sysfs file (/sys/class/net/DEV/autotunnel/NAME), a
 * netlink counter and, behind AT_CTR_, an index; there is no second list.
 *
 * Included several times, with AT_COUNTER() defined as needed.
 */

/* Transmit: dropped. */
AT_COUNTER(tx_cleartext),		/* neither ESP nor IKE */
AT_COUNTER(tx_not_xfrm),		/* next header 50, but not XFRM's */
AT_COUNTER(tx_ike_refused),		/* UDP 500 of no IKE daemon */
AT_COUNTER(tx_unencrypted),		/* XFRM left its crypto to a device */
AT_COUNTER(tx_fragment),		/* IPv6 fragment: over our MTU */
AT_COUNTER(tx_malformed),		/* shorter than its headers say */
AT_COUNTER(tx_wrong_source),		/* source is not our ULA */
AT_COUNTER(tx_no_peer),			/* destination is no peer's ULA */
AT_COUNTER(tx_no_endpoint),		/* the peer's endpoint is unknown */
AT_COUNTER(tx_no_route),		/* no route to the endpoint */
AT_COUNTER(tx_loop),			/* the route leads into a tunnel */
AT_COUNTER(tx_too_big),			/* over the outer path MTU */
AT_COUNTER(tx_inactive),		/* no ULA or no socket */
AT_COUNTER(tx_no_memory),
AT_COUNTER(tx_outer_error),		/* refused by the outer stack */

/* Transmit: done. */
AT_COUNTER(tx_batches),			/* runs that crossed the outer stack once */
AT_COUNTER(tx_batched),			/* packets in them */
AT_COUNTER(tx_ike),
AT_COUNTER(tx_keepalives),
AT_COUNTER(tx_datagrams),		/* sent for the daemon */
AT_COUNTER(tx_df_cleared),		/* let the path fragment it */
AT_COUNTER(pmtu_black_holes),		/* paths found to swallow large packets */

/* Receive: dropped. */
AT_COUNTER(rx_malformed),		/* too short for what it claims */
AT_COUNTER(rx_inactive),		/* no ULA, or the device is down */
AT_COUNTER(rx_no_memory),
AT_COUNTER(rx_unknown_spi),		/* ESP that no SA takes */
AT_COUNTER(rx_esp_refused),		/* ESP that its SA refused */
AT_COUNTER(rx_esp_no_keys),		/* held, and its SA got no keys */
AT_COUNTER(rx_ike_malformed),
AT_COUNTER(rx_ike_limited),		/* over the rate of its source */
AT_COUNTER(rx_ike_unasked),		/* an answer to no request of ours */
AT_COUNTER(rx_ike_not_held),		/* unknown source, no room to hold */
AT_COUNTER(rx_ike_expired),		/* held, and nobody answered */
AT_COUNTER(rx_ike_rejected),		/* held, and the daemon said no */
AT_COUNTER(rx_datagrams_dropped),	/* over the rate, too long, no listener */
AT_COUNTER(rx_native),			/* a peer's ULA from another interface */
AT_COUNTER(rx_wrong_source),		/* decrypted, a fragment in another's name */
AT_COUNTER(rx_icmp_refused),		/* ICMP error that is none of ours */

/* Receive: done. */
AT_COUNTER(rx_gro),			/* decrypted in GRO */
AT_COUNTER(rx_ike),
AT_COUNTER(rx_ike_held),
AT_COUNTER(rx_esp_early),		/* held until its SA has keys */
AT_COUNTER(rx_keepalives),
AT_COUNTER(rx_datagrams),		/* given to the daemon */

/* Endpoints. */
AT_COUNTER(endpoint_moves),
AT_COUNTER(endpoint_not_newest),	/* not moved: late, or replayed path */
AT_COUNTER(endpoint_weak_sa),		/* not moved: no ICV or replay window */
AT_COUNTER(endpoint_no_host),		/* not moved: nobody can be there */
AT_COUNTER(endpoint_limited),		/* not moved: one a second */
AT_COUNTER(endpoint_crowded),		/* not moved: too many peers are there */
AT_COUNTER(endpoint_no_memory),
AT_COUNTER(events_lost),		/* no memory, or a slow listener */
