#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hold the kernel's header, its YAML description and our names together.

Every attribute and command of the YAML has its constant at the same number in
include/uapi/linux/autotunnel.h, and the other way round; the names that
btmm-ctl prints (lib/autotunnel/schema.c) are those of the YAML.
"""
import re
import unittest
from pathlib import Path

import tap
import yaml

TOP = Path(__file__).resolve().parents[2]
HEADER = TOP / "include/uapi/linux/autotunnel.h"
SPEC = TOP / "Documentation/netlink/specs/autotunnel.yaml"
SCHEMA = TOP / "userspace/lib/autotunnel/schema.c"
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def read_enums(text):
    """All enumerations of a header: constant -> number, one dict per enum."""
    enums = []
    for body in re.findall(r"enum\s*\w*\s*\{(.*?)\}", COMMENT.sub("", text),
                           re.DOTALL):
        enum, number = {}, 0
        for item in filter(None, (i.strip() for i in body.split(","))):
            name, _, value = (p.strip() for p in item.partition("="))
            number = int(value, 0) if value else number
            enum[name] = number
            number += 1
        enums.append(enum)
    return enums


def constant(prefix, name):
    return (prefix + name).upper().replace("-", "_")


class Spec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.header = HEADER.read_text()
        cls.enums = read_enums(cls.header)
        cls.spec = yaml.safe_load(SPEC.read_text())
        cls.sets = {s["name"]: s for s in cls.spec["attribute-sets"]}

    def enum_with(self, name):
        for enum in self.enums:
            if name in enum:
                return enum
        self.fail(f"the header has no {name}")

    def defined(self, name):
        found = re.search(rf'^#define\s+{name}\s+"?([^"\s]+)"?',
                          self.header, re.MULTILINE)
        self.assertTrue(found, f"the header does not define {name}")
        return found.group(1)

    def same(self, enum, prefix, want):
        """The enum has exactly these names, and its own bookkeeping."""
        got = {k: v for k, v in enum.items()
               if not k.startswith("__") and not k.endswith("_UNSPEC")}
        self.assertEqual(got, {constant(prefix, k): v
                               for k, v in want.items()})

    def test_attributes(self):
        for s in self.sets.values():
            with self.subTest(set=s["name"]):
                want, number = {}, 0
                for attr in s["attributes"]:
                    number = attr.get("value", number + 1)
                    want[attr["name"]] = number
                prefix = s["name-prefix"]
                enum = self.enum_with(constant(prefix, "unspec"))
                self.assertEqual(enum[constant(prefix, "unspec")], 0)
                self.same(enum, prefix, want)

    def test_no_attribute_set_is_missing(self):
        described = {constant(s["name-prefix"], "unspec")
                     for s in self.sets.values()}
        described |= {"AUTOTUNNEL_CMD_UNSPEC", "IFLA_AUTOTUNNEL_UNSPEC"}
        there = {n for e in self.enums for n in e if n.endswith("_UNSPEC")}
        self.assertEqual(there, described)

    def test_commands(self):
        ops = self.spec["operations"]
        prefix = ops["name-prefix"]
        want, number = {}, 0
        for op in ops["list"]:
            number = op.get("value", number + 1)
            want[op["name"]] = number
        self.same(self.enum_with(constant(prefix, "unspec")), prefix, want)

    def test_definitions(self):
        for d in self.spec["definitions"]:
            prefix = d.get("name-prefix",
                           f"{self.spec['name']}-{d['name']}-")
            want = {(e if isinstance(e, str) else e["name"]): i
                    for i, e in enumerate(d["entries"])}
            first = constant(prefix, next(iter(want)))
            self.same(self.enum_with(first), prefix, want)

    def test_names(self):
        self.assertEqual(self.defined("AUTOTUNNEL_GENL_NAME"),
                         self.spec["name"])
        defined = set(re.findall(r'#define\s+AUTOTUNNEL_MCGRP_\w+\s+"(\w+)"',
                                 self.header))
        groups = {g["name"] for g in self.spec["mcast-groups"]["list"]}
        self.assertEqual(defined, groups)
        for op in self.spec["operations"]["list"]:
            if "mcgrp" in op:
                self.assertIn(op["mcgrp"], groups)

    def test_limits(self):
        dgram = next(a for a in self.sets["autotunnel"]["attributes"]
                     if a["name"] == "dgram")
        self.assertEqual(int(self.defined("AUTOTUNNEL_DGRAM_MAX")),
                         dgram["checks"]["max-len"])

    def test_references(self):
        """Nests name sets, operations name attributes."""
        for s in self.sets.values():
            for attr in s["attributes"]:
                if attr["type"] == "nest":
                    self.assertIn(attr["nested-attributes"], self.sets)
        for op in self.spec["operations"]["list"]:
            known = {a["name"]
                     for a in self.sets[op["attribute-set"]]["attributes"]}
            for kind in ("do", "dump"):
                for way in ("request", "reply"):
                    used = op.get(kind, {}).get(way, {}).get("attributes", [])
                    self.assertLessEqual(set(used), known, op["name"])
            used = op.get("event", {}).get("attributes", [])
            self.assertLessEqual(set(used), known, op["name"])

    def test_printed_names(self):
        """The names that btmm-ctl prints are those of the YAML."""
        printed = dict(re.findall(r'\[(AUTOTUNNEL_\w+)\]\s*=\s*\{?\s*"([^"]+)"',
                                  SCHEMA.read_text()))
        want = {constant(s["name-prefix"], a["name"]): a["name"]
                for s in self.sets.values() for a in s["attributes"]}
        ops = self.spec["operations"]
        want |= {constant(ops["name-prefix"], op["name"]): op["name"]
                 for op in ops["list"]}
        self.assertEqual(printed, want)

    def test_link_attributes(self):
        """The link's settings are the device's, in the same order."""
        link = [n.removeprefix("IFLA_AUTOTUNNEL_")
                for n in self.enum_with("IFLA_AUTOTUNNEL_UNSPEC")
                if not n.startswith("__") and not n.endswith("_UNSPEC")]
        dev = [a["name"].upper().replace("-", "_")
               for a in self.sets["dev"]["attributes"]
               if a["name"] not in ("ifname", "counter")]
        self.assertEqual(link, dev)


if __name__ == "__main__":
    tap.main()
