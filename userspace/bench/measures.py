# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurements of the benchmark, each in a world of its own."""

import statistics
import time

from lab import FRONT, FRONT_KEY, PRIMARY, TLS, Failed, Result, World, Zone, end_all, say

DNSD, BIND = "127.0.0.1:%d" % FRONT, "127.0.0.1:%d" % PRIMARY
DNSD_TLS = "127.0.0.1:%d" % TLS
LEASE = 7200


def events(place, targets, subs, update, count, push=False, lease=0, first=0):
    args = ["events", "--server", DNSD_TLS if push else DNSD, "--update", update,
            "--targets", place.write("targets", "".join(targets)),
            "--subscribers", place.write("subscribers", "".join(subs)),
            "--count", count, "--warmup", 20, "--lease", lease, "--first", first]
    return place.load(*args, *(["--push"] if push else []))


def spread(name, unit, values):
    return Result(name, statistics.median(values), unit, min(values), max(values), len(values))


def percentiles(prefix, runs, field="event_ms", which=("p50", "p99")):
    """Of several runs of dns-load events: the median run, and all of them as spread."""
    return [spread("%s_%s_ms" % (prefix, p), "ms", [r[field][p] for r in runs])
            for p in which]


def latency(place, quick, suffix=""):
    """One host's signed update, another host's signed event."""
    zone = Zone("bench.example.com", 2)
    a, b = zone.hosts
    World(place, [zone])
    target = [zone.party(a)]
    sub = [zone.party(b, "_autotunnel._udp." + a)]
    n, runs = (100, 2) if quick else (500, 5)
    llq = [events(place, target, sub, DNSD, n, lease=LEASE, first=1 + 1000 * i)
           for i in range(runs)]
    push = [events(place, target, sub, DNSD, n, True, LEASE, 20000 + 1000 * i)
            for i in range(runs)]
    return (percentiles("event_latency" + suffix, llq) +
            percentiles("update_answer" + suffix, llq, "answer_ms") +
            percentiles("push_event_latency" + suffix, push))


def foreign(place, quick, suffix=""):
    """An update straight to BIND, zone after zone of 100."""
    zones = [Zone("z%02d.example.com" % i, 1) for i in range(100)]
    World(place, zones)
    targets = [z.party(z.hosts[0], key=FRONT_KEY) for z in zones]
    subs = [z.party(z.hosts[0]) for z in zones]
    n, runs = (100, 2) if quick else (500, 5)
    out = [events(place, targets, subs, BIND, n, first=1 + 1000 * i) for i in range(runs)]
    return percentiles("foreign_update_event", out)


def compare(place, quick, outstanding, count, suffix):
    """The same updates to BIND alone and through btmm-dnsd, in turns."""
    zone = Zone("bench.example.com", 200)
    plain = Zone("plain.example.com", 200, mirrored=False)
    world = World(place, [zone, plain])
    front_file = place.write("front", "".join(zone.party(h) for h in zone.hosts))
    plain_file = place.write("plain", "".join(plain.party(h) for h in plain.hosts))
    sides = [("plain", plain_file, BIND, 0), ("front", front_file, DNSD, LEASE)]
    rates, cpu, first = {"plain": [], "front": []}, [], 0
    if quick:
        count //= 4
    for turn in range(4 if quick else 8):
        for side, targets, server, lease in sides if turn % 2 else sides[::-1]:
            before = world.cpu()
            r = place.load("updates", "--update", server, "--targets", targets, "--count",
                           count, "--outstanding", outstanding, "--lease", lease,
                           "--first", first)
            if r["refused"]:
                raise Failed("%d updates were refused, RCODE %d" % (r["refused"], r["rcode"]))
            if side == "front":
                cpu.append((world.cpu() - before) / count * 1e6)
            rates[side].append(r["per_second"])
        first = (first + count) % 50000
    # The first turn makes the journals and the leases.
    plain_rates, front_rates = rates["plain"][1:], rates["front"][1:]
    ratios = [f / p for f, p in zip(front_rates, plain_rates)]
    return [spread("updates_ratio_vs_primary" + suffix, "ratio", ratios),
            spread("updates_front" + suffix, "1/s", front_rates),
            spread("updates_primary" + suffix, "1/s", plain_rates),
            spread("update_cpu" + suffix, "us", cpu[1:])]


def ratio(place, quick, suffix=""):
    return compare(place, quick, 64, 4000, suffix)


def serial(place, quick, suffix=""):
    return compare(place, quick, 1, 500, "_serial" + suffix)


def fanout(place, quick, suffix=""):
    """One change, a thousand hosts that are told."""
    zone = Zone("bench.example.com", 1000 if not quick else 200)
    World(place, [zone])
    a = zone.hosts[0]
    subs = [zone.party(h, "_autotunnel._udp." + a) for h in zone.hosts]
    r = events(place, [zone.party(a)], subs, DNSD, 10 if quick else 50, lease=LEASE)
    last, done = r["arrived_ms"], r["event_ms"]
    return [Result("fanout_%d_ms" % len(subs), last["p50"], "ms", last["min"], last["max"],
                   r["count"]),
            Result("fanout_%d_verified_ms" % len(subs), done["p50"], "ms", done["min"],
                   done["max"], r["count"])]


def tls(place, quick, suffix=""):
    """TLS sessions with an LLQ each."""
    zone = Zone("bench.example.com", 100)
    world = World(place, [zone])
    base, before = world.rss(), world.cpu()
    n = 1000 if quick else 10000
    subs = place.write("sessions", "".join(zone.party(h) for h in zone.hosts))
    place.load("sessions", "--server", DNSD_TLS, "--subscribers", subs, "--count", n, hold=True)
    used = world.cpu() - before
    time.sleep(2)
    name = "tls_%dk" % (n // 1000)
    return [Result(name + "_rss_mib", world.rss(), "MiB"),
            Result(name + "_rss_before_mib", base, "MiB"),
            Result(name + "_session_cpu_us", used / n * 1e6, "us"),
            idle(world, name)]


def idle(world, name):
    """Of one processor, while nothing happens."""
    seconds, before = 5, world.cpu()
    time.sleep(seconds)
    return Result(name + "_idle_cpu", 100 * (world.cpu() - before) / seconds, "%")


def llq(place, quick, suffix=""):
    """LLQs on distinct names, all of which the mirror holds."""
    out = []
    for n, name in ((10000, "10k"), (100000, "100k"), (1000000, "1m")):
        if quick and n > 10000:
            break
        place.clear()
        out += fill(place, n, "llq_" + name)
    return out


def fill(place, n, name):
    zone = Zone("big.example.com", 2, n)
    a, b = zone.hosts
    world = World(place, [zone], 300)
    mirror = world.rss()
    keys = place.write("keys", zone.party(b))
    before = world.cpu()
    r = place.load("fill", "--server", DNSD, "--keys", keys, "--zone", zone.name, "--count", n,
                   "--per-client", 10)
    used = world.cpu() - before
    say("%d LLQs set up in %.1f s" % (n, r["seconds"]))
    time.sleep(2)
    rss = world.rss()
    out = [Result(name + "_rss_mib", rss, "MiB"),
           Result(name + "_mirror_rss_mib", mirror, "MiB"),
           Result(name + "_setup_cpu_us", used / n * 1e6, "us"), idle(world, name)]
    count, before = 500, world.cpu()
    e = events(place, [zone.party(a)], [zone.party(b, "_autotunnel._udp." + a)], DNSD, count,
               lease=LEASE, first=1)
    out += [Result(name + "_event_cpu_us", (world.cpu() - before) / (count + 20) * 1e6, "us"),
            Result(name + "_event_latency_p50_ms", e["event_ms"]["p50"], "ms"),
            Result(name + "_event_latency_p99_ms", e["event_ms"]["p99"], "ms")]
    end_all()
    return out
