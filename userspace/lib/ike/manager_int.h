/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the manager of IKE is made of. Private to manager*.c. */
#ifndef BTMM_IKE_MANAGER_INT_H
#define BTMM_IKE_MANAGER_INT_H

#include "listing.h"
#include "manager.h"

#define NEVER	UINT64_MAX

enum call_state {
	CALL_NONE,
	CALL_WANTED,		/* to be sent, when it can be, from @due on */
	CALL_OUT,		/* charon is at it */
};

/*
 * The attempt to have new SAs. charon tells nothing of one that fails, so it is asked
 * for the SAs again and again as long as there is one.
 */
struct call {
	enum call_state state;
	enum ike_why why;
	uint64_t until;		/* the demand ends */
	uint64_t due;		/* CALL_WANTED: of the next try; CALL_OUT: of the next look */
	uint64_t started;	/* this try */
	unsigned int tries;
	unsigned int failures;	/* in a row, of the quick kind */
	uint32_t newer_than;	/* id of the newest CHILD_SA before it */
	bool doubt;		/* has the kernel what charon has? First of all that */
	bool asked;		/* IKE_READ_AGAIN went out in this try */
	bool again;		/* the kernel has asked for SAs meanwhile */
};

struct ike_peer {
	struct ike_peer *next;
	char name[IKE_NAME];
	char conn[sizeof(IKE_PREFIX) + IKE_NAME];
	struct in6_addr ula;
	bool gone;		/* to be unloaded, ended, forgotten */

	bool known;		/* charon may have the connection */
	bool load;		/* what is wanted differs from what charon has, or may */
	bool refused;		/* by charon; @error says why */
	uint64_t load_at;
	bool list;		/* the listing may be old */
	uint64_t list_at;
	uint64_t read_at;
	struct listing now, next_listing;

	struct call call;
	uint64_t up_at;		/* the newest CHILD_SA came; 0: never */
	uint64_t last_spi;	/* IKE_WHY_UNKNOWN_SPI; 0: never */
	uint64_t last_doubt;	/* 0: never */
	bool verify;		/* IKE_VERIFY is to go out, or has */
	bool adopted;		/* what charon had of it has been held against the kernel's SAs */
	enum ike_state told;
	bool read_again, changed;
	char error[IKE_ERROR];
};

enum command {
	CMD_NONE,
	CMD_REGISTER,
	CMD_KEY,
	CMD_LOAD,
	CMD_UNLOAD,
	CMD_LIST,		/* of @peer, or of all */
	CMD_NAMES,
	CMD_END_IKE,
	CMD_END_CHILD,
	CMD_CALL,
};

struct orphan {
	struct ike_kernel_sa sa;
	bool listed;		/* charon has it */
	bool sweep;
};

struct ike_manager {
	char name[IKE_NAME];
	uint8_t *blob;		/* what @cert, @key, @authority, @psk point into */
	size_t blob_len;
	struct vici_span cert, key, authority, psk;
	bool aes_first;
	uint32_t rekey;

	struct in6_addr local;
	bool ready, settled;
	bool stopping, stopped;	/* @stopped: the caller was told */
	struct ike_peer *peers;
	size_t n_peers;

	bool connected;
	bool stuck, dead;	/* it does not answer; the caller was told, or will be */
	unsigned int events;	/* registered so far */
	bool event_out;
	bool list_registered, keyed, listed, named;
	bool audit, audited;
	bool verify;
	bool old_list;		/* what is out began before IKE_AUDIT was answered */
	uint64_t key_at;
	char error[IKE_ERROR];

	/* What is out on the stream of commands */
	enum command out;
	struct ike_peer *out_peer;	/* NULL: none, or it was freed */
	uint32_t out_id;
	bool out_all;		/* CMD_LIST: of all */
	uint64_t out_since;
	uint64_t event_since;

	struct orphan *orphans;
	size_t n_orphans;
};

/* manager.c */
struct ike_peer *ike_peer_find(struct ike_manager *m, const char *name);
struct ike_peer *ike_peer_by_conn(struct ike_manager *m, struct vici_span conn);
/* Makes one that is only there to be removed from charon, for a connection of ours. */
void ike_peer_stray(struct ike_manager *m, struct vici_span conn);
void ike_peer_free(struct ike_manager *m, struct ike_peer *p);
bool ike_peer_ended(const struct ike_peer *p);
enum ike_state ike_peer_state(const struct ike_manager *m, const struct ike_peer *p);
/* Tells the caller when the state is another one. */
void ike_peer_tell(struct ike_manager *m, struct ike_peer *p);

/* manager_in.c: SAs between other addresses are to be ended, and do not count. */
void ike_peer_judge(struct ike_manager *m, struct ike_peer *p);

/* manager_out.c: all that happens is told. */
bool manager_hears(const struct ike_manager *m);

/* call.c */
/* How many CHILD_SAs the kernel has. */
unsigned int call_installed(const struct ike_peer *p);
void call_begin(struct ike_peer *p, enum ike_why why, uint64_t now);
/* charon has the command; or it refused it. */
void call_sent(struct ike_peer *p, uint64_t now);
void call_refused(struct ike_peer *p, uint64_t now);
/* A new listing. */
void call_look(struct ike_manager *m, struct ike_peer *p, uint64_t now);
/* Time has passed. */
void call_tick(struct ike_manager *m, struct ike_peer *p, uint64_t now);
uint64_t call_deadline(const struct ike_manager *m, const struct ike_peer *p);
/* It may be sent. */
bool call_due(const struct ike_manager *m, const struct ike_peer *p, uint64_t now);
/* The kernel's SAs, as far as it has to be known for calls. */
void call_verified(struct ike_manager *m, struct ike_peer *p, const struct ike_kernel_sa *sas,
		   size_t n, uint64_t now);
/* The streams to charon have gone; the ULA is another one. */
void call_again(struct ike_peer *p, uint64_t now);

/* orphan.c */
void orphans_forget(struct ike_manager *m);
/* What charon lists is none. */
void orphans_listed(struct ike_manager *m, const struct listing *l);
/* All has been listed. */
void orphans_found(struct ike_manager *m);
/* A peer whose SAs are orphans is called; if it has others by now, they are swept. */
void orphans_check(struct ike_manager *m, struct ike_peer *p, uint64_t now);
/* They have been replaced, or cannot be. */
void orphans_sweep(struct ike_manager *m, const struct ike_peer *p);
/* Of those who are no peers. */
void orphans_sweep_strangers(struct ike_manager *m);
bool orphans_action(struct ike_manager *m, struct ike_action *out);

#endif
