# SPDX-License-Identifier: GPL-2.0-or-later
"""The family's YNL spec, as far as tests need it, read without a YAML library."""
import os
import re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../../Documentation/netlink/specs/autotunnel.yaml")


def lines(part):
    """(indent, key, value) of each line of a part of the file."""
    inside = False
    with open(PATH) as f:
        for line in f:
            if re.match(r"\S", line):
                inside = line.startswith(part + ":")
            m = inside and re.match(r"( +)([a-z-]+): *(.*)", line)
            if m:
                yield len(m[1]), m[2], m[3].strip()


def attribute_sets():
    """{set: [(name, {key: value})]}"""
    sets, current = {}, None
    for indent, key, value in lines("attribute-sets"):
        if indent == 4 and key == "name":
            current = sets.setdefault(value, [])
        elif indent == 8 and key == "name":
            current.append((value, {}))
        elif indent >= 8 and current:
            current[-1][1][key] = value
    return sets


def operations():
    """{operation: {"do" or "dump": [attributes of its request]}}; an event has neither."""
    ops, anchors = {}, {}
    op = way = part = anchor = None
    for indent, key, value in lines("operations"):
        if indent == 6 and key == "name":
            op = ops.setdefault(value, {})
        elif indent == 6:
            way, part = key, None
            if way in ("do", "dump"):
                op[way] = []
        elif indent == 8:
            part = key
            anchor = value[1:] if value.startswith("&") else None
            if value.startswith("*") and key == "request":
                op[way] = anchors[value[1:]]
        elif indent == 10 and key == "attributes" and way in ("do", "dump"):
            names = re.findall(r"[a-z-]+", value)
            if anchor:
                anchors[anchor] = names
            if part == "request":
                op[way] = names
    return ops


def groups():
    return [value for indent, key, value in lines("mcast-groups") if key == "name"]
