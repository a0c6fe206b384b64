# SPDX-License-Identifier: GPL-2.0-or-later
"""Zones, keys, BIND and btmm-dnsd for the benchmark: made, started, weighed, ended."""

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring

BUILD = "/mnt/build"
PRIMARY, FRONT, TLS = 5300, 5352, 8853
HZ = os.sysconf("SC_CLK_TCK")
running = []


class Failed(Exception):
    pass


def say(text):
    print("bench-dns: " + text, file=sys.stderr, flush=True)


class Result:
    def __init__(self, name, value, unit, low=None, high=None, runs=1):
        self.name, self.unit, self.runs = name, unit, runs
        self.value, self.low, self.high = (
            None if v is None else round(v, 4) for v in (value, low, high))

    def entry(self):
        e = {"name": self.name, "value": self.value, "unit": self.unit}
        if self.runs > 1:
            e.update(low=self.low, high=self.high, runs=self.runs)
        return e


class Place:
    """Directories of one measurement."""

    def __init__(self, parent, keep):
        self.keep = keep
        self.dir = os.path.join(parent, "run")
        self.clear()

    def clear(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        fd = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            f.write(text)
        return self.path(name)

    def load(self, *args, hold=False):
        """Runs dns-load; its result, or with hold the process, once it is ready."""
        cmd = [BUILD + "/bench/dns-load"] + [str(a) for a in args]
        p = subprocess.Popen(cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if hold:
            running.append(p)
            if p.stdout.readline().strip() != "ready":
                raise Failed("dns-load %s failed" % args[0])
            return p
        out, _ = p.communicate()
        if p.returncode:
            raise Failed("dns-load %s failed" % args[0])
        return json.loads(out)


# --- keys and zones ---------------------------------------------------------------------

def wire(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.rstrip(".").split(".")) + b"\0"


def secret(text):
    return hashlib.sha256(b"bench " + text.encode()).digest()


def host_secret(zone, name, generation):
    """As btmm-dnsd derives it (userspace/btmm-dnsd/keys.h)."""
    prk = hmac.new(generation, secret("_account." + zone), hashlib.sha256).digest()
    info = b"btmm host key 1\0" + wire(name)
    return hmac.new(prk, info + b"\1", hashlib.sha256).digest()


class Zone:
    """@hosts enrolled hosts, a000 and so on, and @names plain names, h0000000 and so on."""

    def __init__(self, name, hosts, names=0, mirrored=True):
        self.name, self.n_names, self.mirrored = name, names, mirrored
        self.hosts = ["a%03d.%s" % (i, name) for i in range(hosts)]
        self.generation = hashlib.md5(name.encode()).digest()

    def party(self, host, owner=None, key=None):
        """A line for dns-load: the SRV of @host, and a key: the host's if not given."""
        owner = owner or "_autotunnel._udp." + host
        if key:
            return "%s %s %s %s\n" % (owner, self.name, key, secret(key).hex())
        return "%s %s %s %s\n" % (owner, self.name, host,
                                  host_secret(self.name, host, self.generation).hex())

    def write(self, place):
        with open(place.path(self.name + ".zone"), "w") as f:
            f.write("$ORIGIN %s.\n$TTL 120\n@ SOA ns hostmaster 1 86400 3600 604800 60\n"
                    "@ NS ns\nns A 127.0.0.1\n" % self.name)
            for i, h in enumerate(self.hosts):
                f.write("%s. AAAA fd00::a:%x\n%s. TYPE65283 \\# 18 0101%s\n" %
                        (h, i + 1, h, self.generation.hex()))
            for i in range(self.n_names):
                f.write("h%07d AAAA fd00::%x:%x\n" % (i, 1 + (i >> 16), i & 0xffff))


FRONT_KEY = "frontend.btmm"


def bind_key(name, value):
    return 'key "%s" { algorithm hmac-sha256; secret "%s"; };\n' % (
        name, base64.b64encode(value).decode())


def named_conf(place, zones):
    out = ['options { directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };'
           ' pid-file none; session-keyfile none; recursion no; dnssec-validation no;'
           ' empty-zones-enable no; notify-rate 1000; startup-notify-rate 1000;'
           ' serial-query-rate 1000; };\n'
           'controls { };\n'
           # Not one line for each update: that would be the log's speed.
           'logging { channel f { file "%s"; severity warning; print-time yes; };'
           ' category default { f; }; };\n'
           % (place.dir, PRIMARY, place.path("named.log")), bind_key(FRONT_KEY, secret(FRONT_KEY))]
    for z in zones:
        if z.mirrored:
            # as btmm-dnsd setup writes it
            body = ('update-policy { grant "%s" zonesub ANY; }; allow-query { key "%s"; };'
                    ' allow-transfer { key "%s"; }; notify explicit;'
                    ' also-notify { 127.0.0.1 port %d key "%s"; }; notify-delay 0;'
                    ' max-ixfr-ratio unlimited; max-journal-size 64M; check-names ignore;'
                    % (FRONT_KEY, FRONT_KEY, FRONT_KEY, FRONT, FRONT_KEY))
        else:
            out += [bind_key(h, host_secret(z.name, h, z.generation)) for h in z.hosts]
            body = ('update-policy { grant * selfsub . ANY; }; notify no;'
                    ' max-journal-size 64M; check-names ignore;')
        out.append('zone "%s" { type primary; file "%s"; %s };\n'
                   % (z.name, place.path(z.name + ".zone"), body))
    return "".join(out)


def key_file(place, name, value):
    return place.write(name + ".key", "%s hmac-sha256 %s\n" %
                       (name, base64.b64encode(value).decode()))


def dnsd_conf(place, zones):
    cert, key = place.path("cert.pem"), place.path("cert.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=ns.bench.example.com", "-keyout", key, "-out", cert],
                   check=True, stderr=subprocess.DEVNULL)
    os.chmod(key, 0o600)
    out = ["[server]\nlisten-udp = 127.0.0.1:%d\nlisten-tcp = 127.0.0.1:%d\n"
           "listen-tls = 127.0.0.1:%d\ncertificate = %s\ncertificate-key = %s\n"
           "state-directory = %s\ncontrol-socket = %s\n"
           "streams = 20000\nstreams-per-address = 20000\nllqs = 1100000\n"
           "llqs-per-account = 1100000\nllqs-per-address = 1100000\n"
           % (FRONT, FRONT, TLS, cert, key, place.path("dnsd"), place.path("control"))]
    front = key_file(place, FRONT_KEY, secret(FRONT_KEY))
    for z in zones:
        if z.mirrored:
            account = "_account." + z.name
            out.append('[zone "%s"]\nprimary = 127.0.0.1:%d\nprimary-key-file = %s\n'
                       'private = yes\nowner = yes\naccount-key-file = %s\n'
                       % (z.name, PRIMARY, front, key_file(place, account, secret(account))))
    return "".join(out)


# --- processes --------------------------------------------------------------------------

def start(place, name, cmd):
    with open(place.path(name + ".out"), "w") as out:
        p = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    p.what, p.place = name, place
    running.append(p)
    return p


def last_words(p):
    words = []
    for name in (p.what + ".out", p.what + ".log"):
        try:
            with open(p.place.path(name)) as f:
                words += f.read().splitlines()[-5:]
        except OSError:
            pass
    return " / ".join(words) or "it said nothing"


def serial_of(port, zone, key, value):
    q = dns.message.make_query(zone, "SOA")
    q.use_tsig(dns.tsigkeyring.from_text(
        {key + ".": ("hmac-sha256", base64.b64encode(value).decode())}))
    try:
        a = dns.query.udp(q, "127.0.0.1", port=port, timeout=2)
    except (dns.exception.DNSException, OSError):
        return None
    if a.rcode() != dns.rcode.NOERROR or not a.answer:
        return None
    return a.answer[0][0].serial


def wait_served(p, port, zones, key_of, seconds):
    end = time.monotonic() + seconds
    for z in zones:
        key = key_of(z)
        while serial_of(port, z.name, key, secret(key)) is None:
            if p.poll() is not None:
                raise Failed("%s ended: %s" % (p.what, last_words(p)))
            if time.monotonic() > end:
                raise Failed("%s does not serve %s: %s" % (p.what, z.name, last_words(p)))
            time.sleep(0.05)


class World:
    """A BIND and a btmm-dnsd with these zones."""

    def __init__(self, place, zones, seconds=60):
        self.place, self.zones = place, zones
        mirrored = [z for z in zones if z.mirrored]
        for z in zones:
            z.write(place)
        conf = place.write("named.conf", named_conf(place, zones))
        self.named = start(place, "named", ["named", "-f", "-c", conf])
        wait_served(self.named, PRIMARY, mirrored, lambda z: FRONT_KEY, seconds)
        conf = place.write("dnsd.conf", dnsd_conf(place, zones))
        self.dnsd = start(place, "dnsd", [BUILD + "/bin/btmm-dnsd", "run", "--config", conf])
        wait_served(self.dnsd, FRONT, mirrored, lambda z: "_account." + z.name, seconds)

    def rss(self):
        """MiB"""
        with open("/proc/%d/status" % self.dnsd.pid) as f:
            return int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1)) / 1024

    def cpu(self, p=None):
        """Seconds so far"""
        with open("/proc/%d/stat" % (p or self.dnsd).pid) as f:
            v = f.read().rpartition(")")[2].split()
        return (int(v[11]) + int(v[12])) / HZ


def end_all():
    for p in reversed(running):
        if p.stdin:
            p.stdin.close()
        p.terminate()
    for p in running:
        try:
            p.wait(20)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
        place = getattr(p, "place", None)
        if place and place.keep:
            log = BUILD + "/bench/log"
            os.makedirs(log, exist_ok=True)
            for name in (p.what + ".out", p.what + ".log"):
                if os.path.exists(place.path(name)):
                    shutil.copy(place.path(name), log)
    running.clear()


# --- conditions ---------------------------------------------------------------------------

def sync_ms(directory):
    """What the disk takes for 4 KiB and fsync(): ms, median of 40."""
    path, times = os.path.join(directory, "sync"), []
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    for _ in range(40):
        start_at = time.monotonic()
        os.write(fd, b"x" * 4096)
        os.fsync(fd)
        times.append((time.monotonic() - start_at) * 1000)
    os.close(fd)
    os.unlink(path)
    return sorted(times)[20]


def first_line(cmd):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return p.stdout.splitlines()[0] if p.stdout else "unknown"


def conditions():
    with open("/proc/cpuinfo") as f:
        models = re.findall(r"model name\s*:\s*(.*)", f.read()) or ["unknown processor"]
    return {
        "machine": "%d x %s, Linux %s" % (len(os.sched_getaffinity(0)), models[0],
                                          os.uname().release),
        "memory": "%d MiB" % (os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20),
        "disk": "%s, fsync of 4 KiB %.2f ms" % (os.environ.get("BENCH_DISK", "unknown"),
                                                sync_ms("/mnt/disk")),
        "primary": first_line(["named", "-v"]),
        "commit": os.environ.get("BENCH_COMMIT", "unknown"),
        "priority": "nice %d, %s" % (os.nice(0), os.environ.get("BENCH_PRIORITY", "")),
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
