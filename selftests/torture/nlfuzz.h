/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nlfuzz: programs of netlink messages, spoilt and tried, and kept when the kernel went
 * a way it had not gone before.
 *
 *   nlfuzz.c         the loop: corpus, coverage, results
 *   nlfuzz_kernel.c  sockets, devices to be ruined, kcov
 *   nlfuzz_make.c    what belongs where; well-made messages
 *   nlfuzz_mutate.c  messages as trees of attributes, and what is done to them
 */
#ifndef NLFUZZ_H
#define NLFUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROG_MAX	8192	/* octets of a program */
#define PROG_MSGS	8	/* messages in it */
#define MSG_MAX		4096

/*
 * A program is a row of records: a struct rec, and so many octets of a netlink
 * message. The type of a generic netlink message is 0, and interfaces are
 * numbers from 1 on: what they really are is filled in when it is sent.
 */
struct rec {
	uint8_t proto;	/* NETLINK_ROUTE or NETLINK_GENERIC */
	uint8_t zero;
	uint16_t len;
};

struct prog {
	uint32_t len;
	uint8_t data[PROG_MAX];
};

#define SLOTS	2	/* devices that there are: 1 is up, 2 is down */

/* nlfuzz.c */
uint32_t rnd(uint32_t below);
bool chance(uint32_t one_in);
void rnd_fill(void *p, size_t n);
const struct prog *any_prog(void);

/* nlfuzz_make.c */

/* Sets of attributes, each with numbers of its own. */
enum set { SET_TOP, SET_DEV, SET_PEER, SET_ENDPOINT, SET_LINK, SET_LINKINFO, SET_INFODATA, SET_NONE };

/* An attribute, until the next nodes_free(). */
struct node {
	struct node *next, *child;
	uint16_t type;		/* with its flags */
	uint16_t len;		/* of data; of no meaning with children */
	uint16_t lie;		/* the length that is told, 0 for the true one */
	bool nest;
	uint8_t data[1500];
};

extern const uint8_t set_max[SET_NONE + 1];

void nodes_free(void);
struct node *node_new(uint16_t type);
enum set nest_of(enum set in, unsigned int type);
enum set top_of(int proto);
size_t fixed_len(int proto);
size_t put_int(uint8_t *p, size_t size);
size_t put_value(enum set set, unsigned int type, uint8_t *p);
struct node *attr_make(enum set set, unsigned int type);
void prog_generate(struct prog *p);

/* nlfuzz_mutate.c */
size_t serialize(const struct node *n, uint8_t *p, size_t room, int depth);
size_t prog_split(const struct prog *p, const struct rec *at[PROG_MSGS]);
bool prog_append(struct prog *p, const struct rec *r);
bool prog_from_messages(struct prog *p, int proto, const void *msg, size_t len);
void prog_mutate(struct prog *p);

/* nlfuzz_kernel.c */
struct result {
	int err;
	uint32_t text;	/* hash of what the extack says, 0 for nothing */
};

void kernel_open(bool want_kcov);
bool kernel_has_kcov(void);
unsigned int kernel_family(void);
void kernel_reset(void);
void kernel_clean(void);
unsigned long kernel_links(void);
struct result kernel_send(const struct rec *r);
void kcov_begin(void);
bool kcov_end(uint8_t *map, size_t bits);

#endif
