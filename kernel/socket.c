// SPDX-License-Identifier: GPL-2.0
/*
 * The UDP sockets of a device: one for each IP version, on the same port, in
 * the network namespace where the link was created.
 */
#include <linux/rtnetlink.h>
#include <net/sock.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#include "rx.h"
#include "socket.h"

static void at_socket_attach(struct at_dev *at, struct socket *sock)
{
	struct udp_tunnel_sock_cfg cfg = {
		.sk_user_data = at,
		.encap_type = 1,	/* any: the callback does it all */
		.encap_rcv = at_rx,
		.encap_err_lookup = at_rx_icmp_error,
		.gro_receive = at_rx_gro,
	};

	setup_udp_tunnel_sock(at->sock_net, sock, &cfg);
}

static struct socket *at_socket_create(struct at_dev *at, bool is4, __be16 port)
{
	struct udp_port_cfg cfg = {
		.family = is4 ? AF_INET : AF_INET6,
		.local_udp_port = port,
		/* RFC 3948: none over IPv4. RFC 8200: always over IPv6. */
		.use_udp_checksums = false,
		.use_udp6_tx_checksums = true,
		.use_udp6_rx_checksums = true,
		.ipv6_v6only = true,
	};
	struct socket *sock;
	int err;

	err = udp_sock_create(at->sock_net, &cfg, &sock);
	if (err)
		return ERR_PTR(err);

	return sock;
}

static void at_socket_release(struct sock *sk)
{
	if (sk)
		udp_tunnel_sock_release(sk->sk_socket);
}

/**
 * at_sockets_open - open the sockets on a port, in place of those there are
 * @at: device
 * @port: UDP port
 * @extack: says why not; may be NULL
 *
 * On failure what was open stays open. IPv6 may be switched off. Return: 0,
 * -EADDRINUSE, -ENODEV when the namespace is gone, and the like. Context:
 * rtnl.
 */
int at_sockets_open(struct at_dev *at, __be16 port,
		    struct netlink_ext_ack *extack)
{
	struct socket *sock4, *sock6;
	struct sock *old4, *old6;
	int err;

	ASSERT_RTNL();

	if (!at->sock_net) {
		NL_SET_ERR_MSG(extack, "the network namespace of the outer socket is gone");
		return -ENODEV;
	}

	sock4 = at_socket_create(at, true, port);
	if (IS_ERR(sock4)) {
		err = PTR_ERR(sock4);
		goto fail;
	}
	sock6 = at_socket_create(at, false, port);
	if (IS_ERR(sock6)) {
		err = PTR_ERR(sock6);
		sock6 = NULL;
		if (err != -EAFNOSUPPORT) {
			kernel_sock_shutdown(sock4, SHUT_RDWR);
			sock_release(sock4);
			goto fail;
		}
	}

	old4 = rtnl_dereference(at->sock4);
	old6 = rtnl_dereference(at->sock6);
	rcu_assign_pointer(at->sock4, sock4->sk);
	rcu_assign_pointer(at->sock6, sock6 ? sock6->sk : NULL);
	at_socket_attach(at, sock4);
	if (sock6)
		at_socket_attach(at, sock6);
	synchronize_net();
	at_socket_release(old4);
	at_socket_release(old6);

	return 0;

fail:
	if (err == -EADDRINUSE)
		NL_SET_ERR_MSG(extack, "the outer UDP port is in use");
	else
		NL_SET_ERR_MSG(extack, "the outer UDP socket cannot be opened");
	return err;
}

/* Closes the sockets; afterwards no packet of theirs is in flight. */
void at_sockets_close(struct at_dev *at)
{
	struct sock *old4, *old6;

	ASSERT_RTNL();

	old4 = rtnl_dereference(at->sock4);
	old6 = rtnl_dereference(at->sock6);
	RCU_INIT_POINTER(at->sock4, NULL);
	RCU_INIT_POINTER(at->sock6, NULL);
	synchronize_net();
	at_socket_release(old4);
	at_socket_release(old6);
}
