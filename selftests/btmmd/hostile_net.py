#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who means no good, in a home network and on the internet.

hostile_net.py box            in the network: forges gateways and STUN servers
hostile_net.py gateway LOG ELSEWHERE LIE   is the gateway: NAT-PMP, PCP and UPnP

The box reads commands, one a line, and says "done" and how much it sent.
  answers GATEWAY VICTIM MAC PORT   what looks like answers to its NAT-PMP socket
  announce GATEWAY SECONDS RATE     in the gateway's name, to all
  stun SERVER PORT VICTIM           to its tunnel port, in the server's name and its own
"""
import os
import random
import socket
import struct
import sys
import threading
import time

PORT, TUNNEL, COOKIE = 5351, 4500, b"\x21\x12\xa4\x42"
FORGED = bytes([22, 0, 66, 66])


def natpmp(op, result=0, epoch=5, rest=b""):
    return struct.pack("!BBHI", 0, 128 + op, result, epoch) + rest


def pcp(op=1, result=0, lifetime=7200, nonce=b"not its own.", version=2, port=TUNNEL):
    mapped = b"\0" * 10 + b"\xff\xff" + FORGED
    return (struct.pack("!BBBBII12x", version, 128 + op, 0, result, lifetime, 5) + nonce +
            struct.pack("!B3xHH", 17, port, 1) + mapped)


def bad_answers():
    """Each kind of it, and then anything."""
    yield natpmp(0, rest=FORGED)
    yield natpmp(1, rest=struct.pack("!HHI", 9, 1, 3600))      # another port
    yield natpmp(2, rest=struct.pack("!HHI", TUNNEL, 1, 3600))  # TCP
    yield natpmp(1, rest=struct.pack("!HHI", TUNNEL, 0, 3600))
    yield natpmp(3, rest=bytes(8))
    yield natpmp(0, rest=FORGED)[:11]
    yield natpmp(1)[:7]
    yield pcp()
    yield pcp(op=0)
    yield pcp(op=2)
    yield pcp(version=3)
    yield pcp(port=9)
    yield pcp()[:59]
    yield pcp()[:24]
    yield pcp() + bytes(1100)
    yield b""
    yield b"\2"
    yield bytes(1400)
    draw = random.Random(1)
    for _ in range(150):
        msg = bytearray(draw.choice([pcp(), natpmp(1, rest=bytes(8))]))
        for _ in range(draw.randrange(1, 8)):
            msg[draw.randrange(len(msg))] = draw.randrange(256)
        # What would be right but for the nonce does no harm, and is not the point.
        yield bytes(msg[:draw.randrange(len(msg) + 1)])


def stun(tid, kind=0x0101, address=FORGED, port=1):
    xport = port ^ 0x2112
    xored = bytes(a ^ b for a, b in zip(address, COOKIE))
    attr = struct.pack("!HHBBH", 0x20, 8, 0, 1, xport) + xored
    return struct.pack("!HH", kind, len(attr)) + COOKIE + tid + attr


def box():
    from scapy.config import conf
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw
    out = conf.L2socket(iface="eth0")
    raw = conf.L3socket(iface="eth0")

    def answers(gateway, victim, mac, port):
        sent = 0
        plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for msg in bad_answers():
            plain.sendto(msg, (victim, int(port)))
            out.send(Ether(dst=mac) / IP(src=gateway, dst=victim) /
                     UDP(sport=PORT, dport=int(port)) / Raw(msg))
            sent += 2
        return sent

    def announce(gateway, seconds, rate):
        sent, end = 0, time.monotonic() + float(seconds)
        to = Ether(dst="01:00:5e:00:00:01")
        head = [to / IP(src=s, dst="224.0.0.1") / UDP(sport=PORT, dport=5350)
                for s in (gateway, "192.168.77.7")]
        msgs = [natpmp(0, epoch=0, rest=FORGED), natpmp(0, epoch=1 << 31, rest=FORGED),
                struct.pack("!BBBBII12x", 2, 128, 0, 0, 0, 0),
                struct.pack("!BBBBII12x", 2, 128, 0, 0, 0, 1 << 31), pcp(), natpmp(0), b"\0"]
        frames = [bytes(h / Raw(m)) for h in head for m in msgs]
        while time.monotonic() < end:
            out.send(Raw(frames[sent % len(frames)]))
            sent += 1
            time.sleep(1 / float(rate))
        return sent

    def forge_stun(server, port, victim):
        sent = 0
        for n in range(100):
            for src, sport in (server, int(port)), (None, 53):
                msg = stun(os.urandom(12), 0x0111 if n % 10 == 9 else 0x0101)
                if n % 4 == 3:
                    msg = msg[:random.randrange(20, len(msg))]
                raw.send(IP(src=src, dst=victim) / UDP(sport=sport, dport=TUNNEL) / Raw(msg))
                sent += 1
        return sent

    print("ready", flush=True)
    for line in sys.stdin:
        word, *args = line.split()
        n = {"answers": answers, "announce": announce, "stun": forge_stun}[word](*args)
        print("done", word, n, flush=True)


# --- a gateway -----------------------------------------------------------------------

SERVICE = """<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>
<controlURL>%s/ctl</controlURL><eventSubURL>/e</eventSubURL><SCPDURL>/s.xml</SCPDURL></service>"""
DEVICE = """<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType><deviceList><device>
<deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType>
<serviceList>%s</serviceList></device></deviceList></device></deviceList></device></root>"""


class Gateway:
    def __init__(self, log, elsewhere, lie):
        self.log, self.elsewhere, self.lie = log, elsewhere, lie
        self.searches = []
        # What each search is led to; in the end, to one that lies.
        self.plans = ["redirect", "foreign", "loris", "garbage", "deep", "huge", "lie"]

    def say(self, *what):
        with open(self.log, "a") as f:
            print(*what, file=f)

    def maps(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("", PORT))
        while True:
            request, peer = s.recvfrom(2000)
            self.say("asked", request[0])
            for msg in bad_answers():
                s.sendto(msg, peer)

    def ssdp(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("", 1900))
        while True:
            request, peer = s.recvfrom(2000)
            # One of the questions that a search consists of, and each search once
            if b"rootdevice" not in request or peer in self.searches:
                continue
            path = self.plans[min(len(self.searches), len(self.plans) - 1)]
            self.searches.append(peer)
            own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            own.connect(peer)
            s.sendto(("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: "
                      "http://%s:5000/%s\r\n\r\n" % (own.getsockname()[0], path)).encode(),
                     peer)
            s.sendto(b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: "
                     b"http://%s:5000/elsewhere\r\n\r\n" % self.elsewhere.encode(), peer)
            s.sendto(os.urandom(1400), peer)

    def http(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("", 5000))
        s.listen(16)
        while True:
            c, _ = s.accept()
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        try:
            c.settimeout(60)
            request = c.recv(8192)
            word = request.split(b"/", 2)[1].split(b" ")[0].decode()
            if word == "ctl":
                while b"</s:Body>" not in request and b"</Body>" not in request:
                    more = c.recv(8192)
                    if not more:
                        break
                    request += more
            self.say("http", word)
            getattr(self, "at_" + word)(c, request)
        except (OSError, AttributeError, IndexError) as e:
            self.say("end", type(e).__name__)
        c.close()

    @staticmethod
    def reply(c, body, code="200 OK"):
        c.sendall(b"HTTP/1.1 %s\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n"
                  b"Connection: close\r\n\r\n" % (code.encode(), len(body)) + body)

    def at_redirect(self, c, _):
        c.sendall(b"HTTP/1.1 301 Moved\r\nLocation: http://%s:5000/desc\r\n"
                  b"Content-Length: 0\r\n\r\n" % self.elsewhere.encode())

    def at_foreign(self, c, _):
        self.reply(c, (DEVICE % (SERVICE % ("http://%s:5000" % self.elsewhere))).encode())

    def at_garbage(self, c, _):
        self.reply(c, b"<root><device>" + os.urandom(20000) + b"</device>")

    def at_deep(self, c, _):
        self.reply(c, b"<a>" * 100000)

    def at_huge(self, c, _):
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<root>")
        sent = 0
        try:
            while sent < 1 << 28:
                c.sendall(b" " * 65536)
                sent += 65536
        finally:
            self.say("huge", sent)

    def at_loris(self, c, _):
        for octet in b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"<" * 60:
            c.sendall(bytes([octet]))
            time.sleep(1)

    def at_lie(self, c, _):
        self.reply(c, (DEVICE % (SERVICE % "")).encode())

    def at_ctl(self, c, request):
        answers = {
            b"GetStatusInfo": "<NewConnectionStatus>Connected</NewConnectionStatus>",
            b"GetExternalIPAddress": "<NewExternalIPAddress>%s</NewExternalIPAddress>" % self.lie,
            b"AddPortMapping": "", b"DeletePortMapping": "",
        }
        body = next((v for k, v in answers.items() if b"#" + k in request), None)
        if body is None:
            self.reply(c, b"<UPnPError><errorCode>401</errorCode></UPnPError>",
                       "500 Internal Server Error")
        else:
            self.reply(c, ("<s:Envelope><s:Body><u:R>%s</u:R></s:Body></s:Envelope>" %
                           body).encode())

    def run(self):
        for target in self.maps, self.ssdp, self.http:
            threading.Thread(target=target, daemon=True).start()
        self.say("ready")
        threading.Event().wait()


if sys.argv[1] == "box":
    box()
else:
    Gateway(*sys.argv[2:]).run()
