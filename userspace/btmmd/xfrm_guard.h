/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policies and the nftables table of lib/guard, kept in the kernel; the kernel's
 * SAs for the manager of IKE; and word of what the kernel wants SAs for. Needs
 * CAP_NET_ADMIN. All calls are answered by the kernel at once.
 */
#ifndef BTMMD_XFRM_GUARD_H
#define BTMMD_XFRM_GUARD_H

#include <systemd/sd-event.h>

#include "../lib/guard/guard.h"
#include "../lib/ike/manager.h"

struct xfrm_guard;

struct xfrm_guard_ops {
	/* The kernel has no SA to this ULA, and asked for one. */
	void (*acquire)(void *arg, const struct in6_addr *peer);
	/* Something that the owner should know, as a sentence; @err: negative errno */
	void (*trouble)(void *arg, int err, const char *what);
};

/*
 * @device: the tunnel's. What an earlier one left in the kernel stays at first. Without
 * nf_tables in the kernel there is trouble, and the policies alone.
 * 0 with *out, or a negative errno.
 */
int xfrm_guard_new(struct xfrm_guard **out, sd_event *event, const char *device,
		   const struct xfrm_guard_ops *ops, void *arg);
/* The guard stays in the kernel: it is to outlive us. */
void xfrm_guard_free(struct xfrm_guard *g);
/* This host's ULA, which IKE's policies and SAs that are ours have as one end. */
void xfrm_guard_own(struct xfrm_guard *g, const struct in6_addr *ula);
/* All peers that there are have been added: who else is in the table goes out, and so do
 * others' policies, also those of a charon that died.
 */
void xfrm_guard_settled(struct xfrm_guard *g);
/* For who has taken the tunnel away: with it go the SAs and all policies. */
void xfrm_guard_remove_all(struct xfrm_guard *g);

/* 0, -ENOMEM, or the kernel's reason; before the route to the peer is made. */
int xfrm_guard_add(struct xfrm_guard *g, const struct in6_addr *ula);
/* After the route has gone. */
int xfrm_guard_del(struct xfrm_guard *g, const struct in6_addr *ula);

/* The answers to IKE_AUDIT and IKE_VERIFY, given to the manager. */
int xfrm_guard_audit(struct xfrm_guard *g, struct ike_manager *m, uint64_t now);
int xfrm_guard_verify(struct xfrm_guard *g, struct ike_manager *m, uint64_t now);
/* IKE_SWEEP. 0 also if it has gone already. */
int xfrm_guard_sweep(struct xfrm_guard *g, const struct ike_kernel_sa *sa);

#endif
