#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hold btmmd.conf(5) against the tables of keys, and defaults that stand in several places."""
import re
import unittest
from pathlib import Path

import tap

TOP = Path(__file__).resolve().parents[2]
PAGE = TOP / "Documentation/man/btmmd.conf.5"


def there():
    """Section and key, as the daemon knows them; whether it counts at the start only."""
    keys = (TOP / "userspace/btmmd/conf_keys.c").read_text()
    found = {}
    for row in re.findall(r'^\t\{ ("[^;]*?) \},$', keys, re.MULTILINE):
        section, name = re.match(r'"([a-z]+)", "([a-z-]+)"', row).groups()
        found[section, name] = row.rstrip().endswith("CONF_RESTART")
    service = (TOP / "userspace/btmmd/conf_service.c").read_text()
    for name in re.findall(r'!strcmp\(key, "([a-z]+)"\)', service):
        found["service", name] = False
    return found


def explained():
    found = {}
    for section in PAGE.read_text().split("\n.SS ")[1:]:
        name = re.match(r"\[([a-z]+)", section).group(1)
        for line in re.findall(r"^\.(?:TP|TQ)\n\.BR? (.*)$", section.split("\n.SH ")[0],
                               re.MULTILINE):
            key = re.match(r"[a-z-]+", line).group(0)
            found[name, key] = line.endswith('" *"')
    return found


class Page(unittest.TestCase):
    def test_every_key_and_no_other(self):
        self.assertGreater(len(there()), 30)
        self.assertEqual(explained(), there())

    def test_resolver_listens_where_all_say(self):
        """The default of names/listen is the socket unit's, the manual pages' and the guide's."""
        source = (TOP / "userspace/btmmd/conf.c").read_text()
        octets, port = re.search(r"c->listen = .*\{ 4, \{ ([0-9, ]+) \} \}, (\d+) \}",
                                 source).groups()
        address = octets.replace(", ", ".")
        default = f"(default {address}, port {port})"
        self.assertIn(default, PAGE.read_text())
        unit = (TOP / "userspace/units/btmmd-resolver.socket").read_text()
        self.assertEqual(re.findall(r"^Listen(\w+)=(.*)$", unit, re.MULTILINE),
                         [("Datagram", f"{address}:{port}"), ("Stream", f"{address}:{port}")])
        for name in ("man/btmmd.8", "resolver.md"):
            text = (TOP / "Documentation" / name).read_text()
            self.assertEqual(re.findall(r"^ *nameserver (127\..*)$", text, re.MULTILINE),
                             [address], name)


if __name__ == "__main__":
    tap.main()
