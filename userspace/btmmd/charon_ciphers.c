// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first SA with a cipher makes the kernel look for modules, ten times or so, and start
 * its random number generator: a second where starting a program is slow. Whoever waits
 * for that SA waits for it, and charon with all its peers. So there is a first one before
 * charon runs, which is nobody's.
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../lib/guard/guard.h"
#include "../lib/netlink/conn.h"
#include "../lib/netlink/message.h"
#include "charon.h"

#define SPI		0x62746d6d
#define LIFE_S		10	/* then the kernel forgets it, should we not get to that */
#define PATIENCE_S	20
#define MAX_KEY		36	/* octets, with the salt */

/* RFC 6666: packets to these go nowhere, and no host has them. */
static const struct guard_sa nobodys = {
	.src.s6_addr = { [0] = 0x01, [15] = 1 },
	.dst.s6_addr = { [0] = 0x01, [15] = 2 },
	.spi = SPI,
};

static void put_sa(struct nl_writer *w, bool aes)
{
	struct xfrm_usersa_info info = {
		.id = { .spi = htonl(SPI), .proto = IPPROTO_ESP },
		.lft = {
			.soft_byte_limit = XFRM_INF, .hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF, .hard_packet_limit = XFRM_INF,
			.hard_add_expires_seconds = LIFE_S,
		},
		.family = AF_INET6,
		.mode = XFRM_MODE_TUNNEL,
		.sel.family = AF_INET6,
	};
	uint8_t text[sizeof(struct xfrm_algo_aead) + MAX_KEY] = { 0 };
	struct xfrm_algo_aead alg = {
		.alg_key_len = aes ? 8 * (16 + 4) : 8 * (32 + 4),
		.alg_icv_len = 128,
	};
	size_t msg;

	memcpy(&info.saddr, &nobodys.src, sizeof(nobodys.src));
	memcpy(&info.id.daddr, &nobodys.dst, sizeof(nobodys.dst));
	strcpy(alg.alg_name, aes ? "rfc4106(gcm(aes))" : "rfc7539esp(chacha20,poly1305)");
	memcpy(text, &alg, offsetof(struct xfrm_algo_aead, alg_key));
	msg = nl_msg_begin(w, XFRM_MSG_NEWSA, NLM_F_ACK, &info, sizeof(info));
	nl_put(w, XFRMA_ALG_AEAD, text,
	       offsetof(struct xfrm_algo_aead, alg_key) + alg.alg_key_len / 8);
	nl_msg_end(w, msg);
}

static int ask(int fd, const struct nl_writer *w)
{
	uint8_t buf[4096];
	const uint8_t *p = buf, *payload;
	struct nl_outcome o;
	struct nlmsghdr nlh;
	size_t left;
	ssize_t n;
	bool bad;

	if (w->failed)
		return -EMSGSIZE;
	if (send(fd, w->buf, w->len, 0) < 0)
		return -errno;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return -errno;
	left = (size_t)n;
	if (!nl_message_next(&p, &left, &nlh, &payload, &bad) || nlh.nlmsg_type != NLMSG_ERROR ||
	    nl_outcome_read(&o, &nlh, payload, nlh.nlmsg_len - sizeof(nlh)))
		return -EBADMSG;
	return o.err;
}

int charon_first_sa(bool aes)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	uint8_t buf[2][1024];
	struct nl_writer add = { .buf = buf[0], .size = sizeof(buf[0]) };
	struct guard_writer del = { .w = { .buf = buf[1], .size = sizeof(buf[1]) } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM), err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	put_sa(&add, aes);
	err = ask(fd, &add);
	guard_sa_delete(&del, &nobodys);
	if (!err)
		err = ask(fd, &del.w);
	close(fd);
	return err;
}
