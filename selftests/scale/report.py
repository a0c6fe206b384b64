#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
report.py JSON DIR: puts the figures of all parts in DIR together, as a list in JSON and as a
table on standard output. What is measured and what it is measured in come from the parts.
"""
import glob
import json
import os
import sys


def read(path):
    with open(path) as f:
        return [json.loads(line) for line in f if line.strip()]


def main():
    out, where = sys.argv[1], sys.argv[2]
    everything = []
    for path in sorted(glob.glob(os.path.join(where, "*.jsonl"))):
        figures = read(path)
        everything += figures
        print("\n%s\n" % os.path.basename(path)[:-len(".jsonl")])
        for f in figures:
            print("  %-44s %12g %s" % (f["name"], f["value"], f["unit"]))
    with open(out + ".new", "w") as f:
        json.dump(everything, f, indent=1)
        f.write("\n")
    os.rename(out + ".new", out)


main()
