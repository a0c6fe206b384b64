#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an IKE daemon does for a stock kernel: a UDP socket whose ESP goes to XFRM.

  encap.py PORT [6]

Says "listening", and stays.
"""
import signal
import socket
import sys

UDP_ENCAP, UDP_ENCAP_ESPINUDP = 100, 2

family = socket.AF_INET6 if sys.argv[2:] else socket.AF_INET
sock = socket.socket(family, socket.SOCK_DGRAM)
sock.bind(("", int(sys.argv[1])))
sock.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
print("listening", flush=True)
signal.pause()
