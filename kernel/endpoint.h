/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endpoints: where peers are, and the rule by which that changes.
 */
#ifndef _AUTOTUNNEL_ENDPOINT_H
#define _AUTOTUNNEL_ENDPOINT_H

#include "autotunnel.h"

struct xfrm_state;

int at_endpoints_init(struct at_dev *at);
void at_endpoints_destroy(struct at_dev *at);

struct at_endpoint *at_endpoint_alloc(struct at_peer *peer,
				      const struct at_outer *remote,
				      const struct in6_addr *local,
				      gfp_t gfp);
int at_endpoint_publish(struct at_peer *peer, struct at_endpoint *ep);
void at_endpoint_clear(struct at_peer *peer);
void at_endpoint_free(struct at_endpoint *ep);
void at_endpoint_drop_all(struct at_peer *peer);

struct at_peer *at_endpoint_owner(struct at_dev *at,
				  const struct at_outer *remote);

void at_endpoint_learn(struct at_dev *at, struct at_peer *peer,
		       const struct xfrm_state *x, __be32 seq,
		       const struct at_outer *remote,
		       const struct in6_addr *local, int iif);

#endif /* _AUTOTUNNEL_ENDPOINT_H */
