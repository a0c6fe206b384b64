#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
tally.py RUNS OUT [--where WHERE] [--partly]: of all runs (see scripts/bench), OUT.json,
OUT.txt and OUT.svg. The status is 1 if something failed or is missing; --partly: it was
not all asked for.

tally.py --line "WHERE run ROUND TASK N,NS,BUSY...": one run, for people.
"""
import json
import sys
from collections import defaultdict
from statistics import harmonic_mean, median

import plot

# task's last word: what N is, unit where instructions are counted, unit of real time
FLOW = ("tcp1", "tcp8", "forward")
PACKETS = ("udp64", "forward64", "send64")
UNITS = {**{w: ("bit/kinstr", "Mbit/s") for w in FLOW},
         **{w: ("packets/Minstr", "packets/CPU ms") for w in PACKETS},
         "rtt": ("kinstr", "us"), "setup": ("Minstr", "ms"),
         "peers": ("instr/packet", "ns/packet"), "cost": ("instr/1420 B", "cycles/1420 B")}
BLOCK = 1420            # what tcrypt encrypts at a time
SEALED = 1440           # a full packet of ours: MTU 1438 and padding
SEGMENT = 1366          # TCP payload in it, with timestamps


def word_of(task):
    words = task.split(":")
    return words[3 if words[2] == "nolist" else 2] if len(words) > 2 else task


def unit_of(where, task):
    return UNITS[word_of(task)][where != "icount"]


def value_of(where, task, connections):
    """What one run says: connections are (N, ns, ns that the processors were busy)"""
    counted = where == "icount"
    word = word_of(task)
    if word in FLOW:
        return harmonic_mean([8000 * n / (busy if counted else ns)
                              for n, ns, busy in connections])
    if word in PACKETS:
        # in real time, too: pktgen sleeps before and after each burst
        return harmonic_mean([1e6 * n / busy for n, _ns, busy in connections])
    each = [(busy if counted else ns) / n for n, ns, busy in connections]
    if word == "cost":
        return connections[0][1]
    return median(each) / {"rtt": 1e3, "setup": 1e6}.get(word, 1)


def numbers(text):
    return [tuple(int(x) for x in c.split(",")) for c in text]


class Runs:
    """All that was measured: values[where, task][round]"""

    def __init__(self, path):
        self.values = defaultdict(dict)
        self.failed, self.conditions, self.idle = [], [], []
        with open(path, encoding="utf-8") as file:
            for line in file:
                self.read(line.rstrip("\n"))

    def read(self, line):
        if line.startswith("#"):
            if line[2:] not in self.conditions:
                self.conditions.append(line[2:])
            return
        where, what, turn, task, rest = (line + " ").split(" ", 4)
        if what == "fail":
            self.failed.append((where, turn, task, rest.strip()))
            return
        connections = numbers(rest.split())
        self.values[where, task][int(turn)] = value_of(where, task, connections)
        if where == "icount" and word_of(task) in FLOW:
            self.idle.append((1 - sum(c[2] for c in connections) /
                              sum(c[1] for c in connections), task))

    def all(self, where, task):
        return sorted(self.values.get((where, task), {}).values())

    def ratios(self, where, one, other):
        """Of the rounds that both have: who is compared ran in the same guest"""
        mine, theirs = self.values.get((where, one), {}), self.values.get((where, other), {})
        return sorted(mine[r] / theirs[r] for r in mine if r in theirs)


def limit(runs, cipher):
    """Bare veth, and the cipher twice for each packet: bit/kinstr, or nothing"""
    veth, cost = runs.all("icount", "veth:none:tcp1"), runs.all("icount", f"cipher:{cipher}:cost")
    if not veth or not cost:
        return []
    per_bit = 2 * median(cost) * SEALED / BLOCK / (8 * SEGMENT) / 1000
    return [1 / (1 / median(veth) + per_bit)]


def figures(runs, where):
    """(name, values, unit, goal as (operator, number) or None)"""
    def ratio(name, one, other, goal=None, place="icount"):
        return name, runs.ratios(place, one, other), "ratio", goal

    def tcp(kind, cipher, form=""):
        return f"{kind}:{cipher}{form}:tcp1"
    out = []
    if where == "native":
        for what in ("tcp1", "nolist:tcp1", "tcp8", "udp64"):
            for cipher, rival in (("gcm", "wireguard"), ("chacha", "wireguard"),
                                  ("chacha", "espinudp")):
                out.append(ratio(f"native_{what.replace(':', '_')}_{cipher}_vs_{rival}",
                                 f"autotunnel:{cipher}:{what}", f"{rival}:chacha:{what}",
                                 place="native"))
        for cipher in ("gcm", "chacha"):
            out.append(ratio(f"native_rtt_{cipher}_vs_wireguard", f"autotunnel:{cipher}:rtt",
                             "wireguard:chacha:rtt", place="native"))
        out.append(ratio("native_peers_100k_cost_ratio", "autotunnel:gcm:peers:100000",
                         "autotunnel:gcm:peers:1", place="native"))
        return out
    goals = {"": ((">=", 960), (">=", 2.4), (">=", 1.35), (">=", 1.2)),
             ":nolist": ((">=", 870), (">=", 2.25), (">=", 1.28), None)}
    for form, (null, gcm, chacha, classic) in goals.items():
        end = form.replace(":", "_")
        out += [
            (f"icount_tcp_null_bits_per_kinstr{end}",
             runs.all("icount", tcp("autotunnel", "null", form)), "bit/kinstr", null),
            ratio(f"icount_tcp_aesgcm_vs_wireguard{end}", tcp("autotunnel", "gcm", form),
                  tcp("wireguard", "chacha", form), gcm),
            ratio(f"icount_tcp_chacha_vs_wireguard{end}", tcp("autotunnel", "chacha", form),
                  tcp("wireguard", "chacha", form), chacha),
            ratio(f"icount_tcp_chacha_vs_espinudp{end}", tcp("autotunnel", "chacha", form),
                  tcp("espinudp", "chacha", form), classic),
        ]
    for what, gcm, chacha in (("udp64", (">=", 1.1), (">=", 0.95)),
                              ("rtt", ("<=", 0.75), ("<=", 0.9))):
        for cipher, name, goal in (("gcm", "aesgcm", gcm), ("chacha", "chacha", chacha)):
            out.append(ratio(f"icount_{what}_{name}_vs_wireguard", f"autotunnel:{cipher}:{what}",
                             f"wireguard:chacha:{what}", goal))
    out.append(ratio("peers_100k_cost_ratio", "autotunnel:gcm:peers:100000",
                     "autotunnel:gcm:peers:1", ("<=", 1.1)))
    out.append(ratio("uml_tcp_chacha_vs_wireguard", tcp("autotunnel", "chacha"),
                     tcp("wireguard", "chacha"), place="uml"))
    out.append(ratio("uml_tcp_chacha_vs_espinudp", tcp("autotunnel", "chacha"),
                     tcp("espinudp", "chacha"), place="uml"))
    out.append(ratio("uml_rtt_chacha_vs_wireguard", "autotunnel:chacha:rtt",
                     "wireguard:chacha:rtt", place="uml"))
    for cipher, name in (("gcm", "aesgcm"), ("chacha", "chacha")):
        top, got = limit(runs, cipher), runs.all("icount", tcp("autotunnel", cipher))
        out.append((f"icount_tcp_{name}_limit", top, "bit/kinstr", None))
        out.append((f"icount_tcp_{name}_of_limit",
                    [median(got) / top[0]] if top and got else [], "ratio", None))
    return out


def verdict(value, goal):
    if not goal:
        return ""
    op, number = goal
    met = value >= number if op == ">=" else value <= number
    return f"{op} {number}: {'met' if met else 'MISSED'}"


def shown(number):
    return f"{number:.3f}" if abs(number) < 10 else f"{number:.1f}"


def spread(values):
    """How far the runs are from each other, for people"""
    if len(values) < 2:
        return "one run"
    percent = (values[-1] - values[0]) / median(values) * 100
    return f"{shown(values[0])} to {shown(values[-1])} ({percent:.1f} %, {len(values)} runs)"


def table(runs, told):
    lines = runs.conditions + [""]
    lines.append(f"{'figure':42} {'median':>9}  {'unit':12} {'goal':18} spread")
    for name, values, unit, goal in told:
        if values:
            lines.append(f"{name:42} {shown(median(values)):>9}  {unit:12} "
                         f"{verdict(median(values), goal):18} {spread(values)}")
    lines += ["", f"{'where':7} {'task':34} {'median':>9}  {'unit':15} spread"]
    for where, task in sorted(runs.values, key=lambda k: (k[0], word_of(k[1]), k[1])):
        values = runs.all(where, task)
        lines.append(f"{where:7} {task:34} {shown(median(values)):>9}  "
                     f"{unit_of(where, task):15} {spread(values)}")
    if runs.idle:
        share, task = max(runs.idle)
        lines += ["", f"A processor was idle for {share * 100:.1f} % at most ({task}) while a "
                  "flow was measured."]
    for where, turn, task, why in runs.failed:
        lines.append(f"FAILED: {where}, round {turn}, {task}: {why}")
    return lines


def main():
    if sys.argv[1] == "--line":
        where, what, turn, task, rest = (sys.argv[2] + " ").split(" ", 4)
        if what == "fail":
            print(f"{where} round {turn}  {task:34} FAILED: {rest}", flush=True)
            return 0
        value = value_of(where, task, numbers(rest.split()))
        print(f"{where} round {turn}  {task:34} {shown(value):>9} {unit_of(where, task)}",
              flush=True)
        return 0
    path, out = sys.argv[1:3]
    where = sys.argv[sys.argv.index("--where") + 1] if "--where" in sys.argv else "lab"
    runs = Runs(path)
    told = figures(runs, where)
    listed = [{"name": name, "value": round(median(values), 4), "unit": unit}
              for name, values, unit, _goal in told if values]
    listed += [{"name": f"{place}:{task}", "value": round(median(values.values()), 4),
                "unit": unit_of(place, task)} for (place, task), values in runs.values.items()]
    with open(out + ".json", "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(x) for x in listed) + "\n]\n")
    lines = table(runs, told)
    missing = [name for name, values, _unit, _goal in told if not values]
    if missing and "--partly" not in sys.argv:
        lines.append("NOT MEASURED: " + ", ".join(missing))
    with open(out + ".txt", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))
    with open(out + ".svg", "w", encoding="utf-8") as file:
        file.write(plot.draw(runs, where, limit, unit_of))
    return 1 if runs.failed or (missing and "--partly" not in sys.argv) else 0


if __name__ == "__main__":
    sys.exit(main())
