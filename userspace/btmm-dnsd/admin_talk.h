/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket of the command line's DNS client: blocking, with a limit to its time. */
#ifndef BTMM_DNSD_ADMIN_TALK_H
#define BTMM_DNSD_ADMIN_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin_text.h"
#include "net.h"

struct ssl_st;
struct ssl_ctx_st;

struct talk {
	int fd;
	uint64_t end;		/* ms, talk_now_ms() */
	unsigned int timeout_ms;
	struct ssl_st *ssl;
	struct ssl_ctx_st *ctx;
};

uint64_t talk_now_ms(void);

/* Connects; each message then has @timeout_ms to come. 0, or negative errno and why. */
int talk_open(struct talk *s, const struct net_addr *to, bool tcp,
	      unsigned int timeout_ms, struct why *why);
/* TLS on it, whoever the server is; @pin (may be NULL) gets sha256//... of its key. */
int talk_tls(struct talk *s, char *pin, size_t pin_size, struct why *why);
void talk_close(struct talk *s);

/* With the two octets of length in front. 0, -ETIMEDOUT, -ECONNRESET (the end). */
int talk_send_message(struct talk *s, const uint8_t *msg, size_t len);
/* @buf has 65535 octets. */
int talk_recv_message(struct talk *s, uint8_t *buf, size_t *len);

int talk_send_datagram(struct talk *s, const uint8_t *msg, size_t len);
/* -ETIMEDOUT at @end, in ms. */
int talk_recv_datagram(struct talk *s, uint64_t end, uint8_t *buf, size_t size,
		       size_t *len);

#endif
