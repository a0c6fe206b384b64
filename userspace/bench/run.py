# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts/bench-dns runs in the lab's root, in namespaces of its own."""

import argparse
import json
import os
import sys

import lab
import measures

# What is measured, where the servers' data are ("disk", "memory"), and what is then put
# behind the figures' names. An event comes after the primary has synced its journal: what
# the software takes is seen in memory. Of updates per second it is the disk that counts.
ALL = {
    "latency": [("memory", ""), ("disk", "_disk")], "foreign": [("memory", "")],
    "ratio": [("disk", ""), ("memory", "_memory")],
    "serial": [("disk", ""), ("memory", "_memory")],
    "fanout": [("memory", "")], "tls": [("memory", "")], "llq": [("memory", "")],
}

# What issue 3 wants: (name, what is compared, figure)
GOALS = {
    "event_latency_p50_ms": ("<=", 4), "event_latency_p99_ms": ("<=", 20),
    "foreign_update_event_p50_ms": ("<=", 250), "updates_ratio_vs_primary": (">=", 0.9),
    "updates_ratio_vs_primary_serial": (">=", 0.5), "llq_1m_rss_mib": ("<=", 300),
    "tls_10k_rss_mib": ("<=", 400),
}


def goal_text(name, value):
    if name not in GOALS:
        return ""
    how, limit = GOALS[name]
    good = value <= limit if how == "<=" else value >= limit
    return "%s %g: %s" % (how, limit, "met" if good else "MISSED")


def table(results, conditions):
    lines = ["btmm-dnsd, natively, on loopback, BIND as its primary", ""]
    lines += ["  %-10s %s" % (k, v) for k, v in conditions.items()]
    lines += ["", "%-42s %10s %-6s %-24s %s" % ("figure", "value", "unit", "spread (runs)",
                                               "goal")]
    for r in results:
        spread = "%g .. %g (%d)" % (r.low, r.high, r.runs) if r.runs > 1 else ""
        lines.append("%-42s %10g %-6s %-24s %s" % (r.name, r.value, r.unit, spread,
                                                    goal_text(r.name, r.value)))
    return "\n".join(lines) + "\n"


def write(results, conditions):
    out = lab.BUILD + "/bench"
    entries = [r.entry() for r in results]
    entries += [{"name": "condition_" + k, "value": v, "unit": "text"}
                for k, v in conditions.items()]
    with open(os.path.join(out, "dns.json.tmp"), "w") as f:
        json.dump(entries, f, indent=1)
        f.write("\n")
    os.replace(os.path.join(out, "dns.json.tmp"), os.path.join(out, "dns.json"))
    text = table(results, conditions)
    with open(os.path.join(out, "dns.txt"), "w") as f:
        f.write(text)
    return text


def main():
    p = argparse.ArgumentParser(prog="bench-dns")
    p.add_argument("--only", default=",".join(ALL))
    p.add_argument("--quick", action="store_true")
    p.add_argument("--keep", action="store_true")
    o = p.parse_args()
    only = o.only.split(",")
    for name in only:
        if name not in ALL:
            p.error("--only: what is '%s'? there are %s" % (name, ", ".join(ALL)))

    conditions = lab.conditions()
    results, failed, loads = [], [], [os.getloadavg()[0]]
    text = write(results, conditions)
    for name in ALL:
        if name not in only:
            continue
        for where, suffix in ALL[name]:
            lab.say("%s, data %s (load average %.1f)" % (
                name, "on disk" if where == "disk" else "in memory", loads[-1]))
            try:
                place = lab.Place("/mnt/" + where, o.keep)
                results += getattr(measures, name)(place, o.quick, suffix)
            except lab.Failed as e:
                failed.append(name + suffix)
                lab.say("%s: %s" % (name, e))
            finally:
                lab.end_all()
            loads.append(os.getloadavg()[0])
            conditions["load"] = "averages from %.1f to %.1f" % (min(loads), max(loads))
            text = write(results, conditions)
    sys.stdout.write(text)
    if failed:
        lab.say("not measured: " + ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
