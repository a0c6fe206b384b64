#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hold the manual pages against the program and the kernel's sources."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import tap

TOP = Path(__file__).resolve().parents[2]
MAN = TOP / "Documentation/man"
PAGES = sorted(MAN.glob("*.[1-8]"))


def plain(path):
    """The text of a page without its macros and fonts."""
    text = re.sub(r"\\f[BIRP]", "", path.read_text())
    return text.replace("\\-", "-").replace('"', "")


def beside(name):
    """A daemon, which was built beside btmm-ctl."""
    there = Path(os.environ["BTMM_CTL"]).resolve().parents[1]
    return str(there / name / name)


def dnsd():
    return os.environ.get("BTMM_DNSD", beside("btmm-dnsd"))


def said(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


class Man(unittest.TestCase):
    def test_formats_without_warnings(self):
        if not shutil.which("groff"):
            self.skipTest("groff is not there")
        for page in PAGES:
            with self.subTest(page=page.name):
                run = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z",
                                      str(page)], capture_output=True,
                                     text=True, check=False)
                self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_every_command_and_word(self):
        """All that the program's help names is in btmm-ctl(8)."""
        ctl = os.environ["BTMM_CTL"]
        page = plain(MAN / "btmm-ctl.8")
        overview = subprocess.run([ctl, "help"], capture_output=True,
                                  text=True, check=True).stdout
        commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +[a-z]", overview,
                              re.MULTILINE)
        self.assertGreater(len(commands), 10)
        for command in commands:
            if not command.endswith(" show"):
                self.assertIn(f"btmm-ctl {command}", page)
            text = subprocess.run([ctl, "help", *command.split()],
                                  capture_output=True, text=True,
                                  check=True).stdout
            for word in re.findall(r"^  ([a-z-]+) ", text, re.MULTILINE):
                self.assertRegex(page, rf"\b{re.escape(word)}\b",
                                 f"{word} of {command}")
        for code in re.findall(r"^  (\d)  ", overview, re.MULTILINE):
            self.assertIn(f"\n.B {code}\n", page)

    def test_every_command_of_dnsd(self):
        """All that btmm-dnsd's help names is in btmm-dnsd(8)."""
        page = plain(MAN / "btmm-dnsd.8")
        overview = subprocess.run([dnsd(), "help"], capture_output=True,
                                  text=True, check=True).stdout
        commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +[a-z]", overview,
                              re.MULTILINE)
        self.assertGreater(len(commands), 14)
        for command in commands:
            self.assertIn(f"btmm-dnsd {command}", page)
            text = subprocess.run([dnsd(), "help", *command.split()],
                                  capture_output=True, text=True,
                                  check=True).stdout
            same = subprocess.run([dnsd(), *command.split(), "--help"],
                                  capture_output=True, text=True,
                                  check=True).stdout
            self.assertEqual(text, same)
            for word in re.findall(r"--[a-z][a-z-]*", text):
                self.assertRegex(page, rf"{re.escape(word)}(?![a-z-])",
                                 f"{word} of {command}")
        for code in re.findall(r"^  (\d)  ", overview, re.MULTILINE):
            self.assertIn(f"\n.B {code}\n", page)

    def test_options_of_commands(self):
        """What btmm-ctl(8) says a command takes, with a value, is in the command's help."""
        ctl = os.environ["BTMM_CTL"]
        page = (MAN / "btmm-ctl.8").read_text().replace("\\-", "-")
        found = 0
        for title, text in re.findall(r"^\.SS (btmm-ctl .*)\n((?:(?!\.S[SH]).*\n)*)", page,
                                      re.MULTILINE):
            helps = [said(ctl, "help", *name.split()[1:]) for name in title.split(", ")]
            for word in re.findall(r'^\.TP\n\.BI ([a-z-]+) "', text, re.MULTILINE):
                self.assertTrue(any(re.search(rf"\b{word} [A-Z]|^  {word} ", each, re.MULTILINE)
                                    for each in helps), f"{word} of {title}")
                found += 1
        self.assertGreater(found, 10)

    def test_btmmd(self):
        """btmmd(8) and 'btmmd --help' name the same commands and options."""
        page = plain(MAN / "btmmd.8")
        text = said(beside("btmmd"), "--help")
        self.assertEqual(said(beside("btmmd"), "run", "--help"), text)
        commands = re.findall(r"^(?:usage:|) +btmmd ([a-z-]+)", text, re.MULTILINE)
        self.assertEqual(commands, ["run", "prepare-charon"])
        for command in commands:
            self.assertIn(f"btmmd {command}", page.split(".SH DESCRIPTION")[0])
            self.assertRegex(page.split(".SH COMMANDS")[1], rf"\n\.BR?I? {command} ")
        options = re.compile(r"--[a-z]+(?:-[a-z]+)*")
        # "enable --now" is systemctl's.
        self.assertEqual(set(options.findall(page)) - {"--now"}, set(options.findall(text)))

    def test_every_key_of_dnsd(self):
        """btmm-dnsd(8) explains the keys of its configuration, and no others."""
        source = (TOP / "userspace/btmm-dnsd/conf_lines.c").read_text()
        there = set(re.findall(r'^\t\{ "([a-z0-9-]+)", (?:set|add)_', source,
                               re.MULTILINE))
        page = (MAN / "btmm-dnsd.8").read_text().replace("\\-", "-")
        section = page.split(".SH CONFIGURATION")[1].split("\n.SH")[0]
        explained = set()
        for line in re.findall(r"^\.TP\n\.BR? (.*)$", section, re.MULTILINE):
            explained.update(re.findall(r"[a-z0-9-]+", line))
        self.assertEqual(explained, there)
        self.assertGreater(len(there), 20)

    def test_units(self):
        """systemd takes the units, and they name what is there."""
        units = sorted(path for path in (TOP / "userspace/units").iterdir()
                       if path.suffix in (".service", ".socket"))
        self.assertGreater(len(units), 3)
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not there")
        with tempfile.TemporaryDirectory() as temp:
            for unit in units:
                # Where they will be once they are installed, none may be here.
                text = re.sub(r"(?<==)([+-]*)/usr/sbin/\S+", rf"\1{dnsd()}",
                              unit.read_text())
                text = re.sub("^Documentation=.*$", "", text, flags=re.MULTILINE)
                (Path(temp) / unit.name).write_text(text)
            run = subprocess.run(["systemd-analyze", "verify",
                                  *sorted(map(str, Path(temp).iterdir()))],
                                 capture_output=True, text=True, check=False)
        complaints = [line for line in run.stderr.splitlines()
                      if "btmm" in line]
        self.assertEqual((run.returncode, complaints), (0, []))

    def test_every_counter(self):
        """autotunnel(4) explains the kernel's counters, and no others."""
        source = (TOP / "kernel/counter-list.h").read_text()
        there = set(re.findall(r"^AT_COUNTER\((\w+)\)", source, re.MULTILINE))
        page = (MAN / "autotunnel.4").read_text()
        section = page.split(".SS Counters")[1].split("\n.SH")[0]
        explained = set(re.findall(r"^\.TP\n\.B (\w+)$", section,
                                   re.MULTILINE))
        self.assertEqual(explained, there)

    def test_every_link_attribute(self):
        header = (TOP / "include/uapi/linux/autotunnel.h").read_text()
        there = set(re.findall(r"^\t(IFLA_AUTOTUNNEL_\w+),", header,
                               re.MULTILINE)) - {"IFLA_AUTOTUNNEL_UNSPEC"}
        page = (MAN / "autotunnel.4").read_text()
        self.assertEqual(set(re.findall(r"^IFLA_AUTOTUNNEL_\w+", page,
                                        re.MULTILINE)), there)

    def test_commands_and_groups(self):
        """Of the netlink family, by its YAML description."""
        import yaml
        spec = yaml.safe_load(
            (TOP / "Documentation/netlink/specs/autotunnel.yaml").read_text())
        page = plain(MAN / "autotunnel.4")
        for op in spec["operations"]["list"]:
            self.assertIn(op["name"], page)
        for group in spec["mcast-groups"]["list"]:
            self.assertIn(f"\n.B {group['name']}\n", page)


if __name__ == "__main__":
    tap.main()
