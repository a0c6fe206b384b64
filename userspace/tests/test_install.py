#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the units name is where "make install" puts it."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import tap

# What btmm-ctl runs, from its own place on
ACCOUNT = "libexec/btmm/btmm-ctl-account"
USERSPACE = Path(__file__).resolve().parents[1]
# Others' (Debian's packages init, kmod, charon-systemd; bind9, knot)
FOREIGN_PROGRAMS = {"/sbin/modprobe", "/usr/sbin/charon-systemd"}
FOREIGN_UNITS = {"network.target", "network-online.target", "multi-user.target",
                 "sockets.target", "named.service", "knot.service"}


def lines(text, *keys):
    """The words of all these settings of a unit."""
    found = re.findall(rf"^(?:{'|'.join(keys)})=(.*)$", text, re.MULTILINE)
    return [word for value in found for word in value.split()]


class Installed(unittest.TestCase):
    prefix = "/usr"

    def setUp(self):
        """Programs are stand-ins: this is not about building them."""
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        build, self.root = Path(temp.name, "build"), Path(temp.name, "root")
        for name in ("bin/btmm-ctl", "bin/btmm-dnsd", "bin/btmmd", "lib/ip/link_autotunnel.so",
                     ACCOUNT):
            (build / name).parent.mkdir(parents=True, exist_ok=True)
            (build / name).write_text("#!/bin/sh\n")
        # Not what the make that runs this test was told.
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        subprocess.run(["make", "-s", "-C", USERSPACE, "-o", "all", "install", f"BUILD={build}",
                        f"DESTDIR={self.root}", f"PREFIX={self.prefix}"], check=True,
                       stdout=subprocess.DEVNULL, env=env)
        self.units = {path.name: path.read_text() for path in
                      self.under("lib/systemd/system").iterdir()}

    def under(self, path):
        return Path(f"{self.root}{self.prefix}/{path}")

    def test_all_units(self):
        self.assertEqual(set(self.units), {path.name for path in (USERSPACE / "units").iterdir()})

    def test_programs(self):
        for name, text in self.units.items():
            for program in re.findall(r"^Exec\w+=[-+@!:]*(\S+)", text, re.MULTILINE):
                if program in FOREIGN_PROGRAMS:
                    continue
                self.assertEqual(program.split("/btmm")[0], f"{self.prefix}/sbin", name)
                mode = Path(f"{self.root}{program}").stat().st_mode
                self.assertEqual(mode & 0o7777, 0o755, f"{program} of {name}")

    def test_account(self):
        path = self.under("sbin/btmm-ctl").parent.parent / ACCOUNT
        self.assertEqual(path.stat().st_mode & 0o7777, 0o755)

    def test_pages(self):
        for name, text in self.units.items():
            pages = lines(text, "Documentation")
            self.assertTrue(pages, name)
            for page in pages:
                title, section = re.fullmatch(r"man:(.+)\((\d)\)", page).groups()
                path = self.under(f"share/man/man{section}/{title}.{section}")
                self.assertTrue(path.is_file(), f"{page} of {name}")

    def test_users(self):
        there = set(re.findall(r"^u ([\w-]+) ", self.under("lib/sysusers.d/btmm.conf").read_text(),
                               re.MULTILINE))
        wanted = {word for text in self.units.values() for word in lines(text, "User", "Group")}
        self.assertEqual(there, wanted)

    def test_other_units(self):
        for name, text in self.units.items():
            for other in lines(text, "After", "Before", "Wants", "Requires", "BindsTo", "Service",
                               "Also", "WantedBy", "RequiredBy"):
                self.assertIn(other, FOREIGN_UNITS | set(self.units), name)

    def test_charons_files(self):
        """prepare-charon writes what charon is told to read, below its runtime directory."""
        text = self.units["btmm-charon.service"]
        source = (USERSPACE / "lib/ike/charon_conf.h").read_text() + \
            (USERSPACE / "btmmd/charon.h").read_text()
        name = re.search(r'#define CHARON_CONF\s+"(.*)"', source).group(1)
        directory = lines(text, "RuntimeDirectory")[0]
        self.assertEqual(lines(text, "Environment"), [f"STRONGSWAN_CONF=/run/{directory}/{name}"])
        socket = re.search(r'#define CHARON_VICI\s+"(.*)"', source).group(1)
        conf = (USERSPACE / "btmmd/conf.c").read_text() + (USERSPACE / "btmmd/conf.h").read_text()
        self.assertIn(f"/run/{directory}/{socket}", conf)


class InstalledElsewhere(Installed):
    prefix = "/usr/local"


if __name__ == "__main__":
    tap.main()
