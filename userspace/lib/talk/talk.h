/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection for programs that may wait: TCP, TLS on it, or UDP, with DNS messages on
 * it. Blocking; each thing that is done has its time.
 */
#ifndef BTMM_TALK_H
#define BTMM_TALK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define TALK_KEY_LEN	32	/* SHA-256 of a public key */
#define TALK_WHY	256

struct ssl_st;
struct ssl_ctx_st;

struct talk {
	int fd;
	uint64_t end;		/* ms, talk_now_ms() */
	unsigned int timeout_ms;
	struct ssl_st *ssl;
	struct ssl_ctx_st *ctx;
};

/* ms of a clock that does not go back */
uint64_t talk_now_ms(void);

/*
 * Connects, and has @timeout_ms for that and TLS; each message then has as much again.
 * @type: SOCK_STREAM or SOCK_DGRAM. 0, or negative errno: nothing is to be closed.
 */
int talk_open(struct talk *s, const struct sockaddr *to, socklen_t len, int type,
	      unsigned int timeout_ms);
/* TLS on it, whoever the server is. 0, or negative errno and why, no full stop. */
int talk_tls(struct talk *s, char why[TALK_WHY]);
/* By which the server is known (RFC 7858 4.2). -ENOENT: it has no certificate. */
int talk_server_key(const struct talk *s, uint8_t out[TALK_KEY_LEN]);
void talk_close(struct talk *s);

/* With the two octets of length in front. 0, -ETIMEDOUT, -ECONNRESET (the end). */
int talk_send_message(struct talk *s, const uint8_t *msg, size_t len);
/* @buf has DNS_MAX octets. */
int talk_recv_message(struct talk *s, uint8_t *buf, size_t *len);

int talk_send_datagram(struct talk *s, const uint8_t *msg, size_t len);
/* -ETIMEDOUT at @end, in ms. */
int talk_recv_datagram(struct talk *s, uint64_t end, uint8_t *buf, size_t size, size_t *len);

#endif
