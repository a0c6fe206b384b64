#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Guides lead to each other, and leave no page, command or source file out."""
import fnmatch
import os
import re
import subprocess
import unittest
from pathlib import Path

import tap

TOP = Path(__file__).resolve().parents[2]
DOC = TOP / "Documentation"


def pages():
    return [TOP / "README.md", *sorted(DOC.rglob("*.md")),
            *sorted((TOP / "selftests").rglob("*.md"))]


def links(page):
    """The files of the tree that a page leads to."""
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    return {(page.parent / t).resolve() for t in targets if "://" not in t}


def commands(page):
    """The lines of a page's code blocks: fenced ones for a shell, and indented ones."""
    text = page.read_text()
    found = [line for block in re.findall(r"^```sh.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
             for line in block.splitlines()]
    return found + re.findall(r"^    (.*)$", text, re.MULTILINE)


class Docs(unittest.TestCase):
    def test_links_lead_somewhere(self):
        self.assertGreater(len(pages()), 15)
        for page in pages():
            for target in links(page):
                self.assertTrue(target.exists(), f"{target} in {page}")

    def test_index_has_all(self):
        index = links(DOC / "README.md")
        there = {p for p in DOC.rglob("*") if p.is_file()} - {DOC / "README.md"}
        self.assertEqual(there - index, set())
        self.assertIn(DOC / "README.md", links(TOP / "README.md"))

    def test_guides_name_each_command(self):
        """Of the daemon; what acts on the kernel alone is in btmm-ctl(8)."""
        overview = subprocess.run([os.environ["BTMM_CTL"], "help"], capture_output=True, text=True,
                                  check=True).stdout
        there = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ? +[a-z]", overview, re.MULTILINE)
        there = {c for c in there if c.split()[0] not in ("dev", "peer", "ike", "dgram", "stats",
                                                          "help")}
        self.assertGreater(len(there), 14)
        guide = (DOC / "getting-started.md").read_text()
        missing = {c for c in there if not re.search(rf"btmm-ctl {c}\b", guide)}
        self.assertEqual(missing, set())

    def test_readme_says_what_the_guide_does(self):
        """The guide's commands are run by selftests/btmmd/documentation.t."""
        text = (TOP / "README.md").read_text()
        section = text.split("## Getting started\n")[1].split("\n## ")[0]
        there = re.findall(r"^    (.*)$", section, re.MULTILINE)
        self.assertGreater(len(there), 4)
        self.assertEqual(set(there) - set(commands(DOC / "getting-started.md")), set())

    def test_each_file_of_btmmd_has_its_job(self):
        text = (DOC / "architecture.md").read_text()
        table = text.split("\n`btmmd`, ")[1].split("\n\n`btmm-dnsd`, ")[0]
        rows = re.findall(r"`([a-z_*]+\.c)`", table)
        for path in sorted((TOP / "userspace/btmmd").glob("*.c")):
            self.assertEqual(sum(fnmatch.fnmatch(path.name, row) for row in rows), 1, path.name)

    def test_each_folder_of_lib_has_its_job(self):
        text = (DOC / "architecture.md").read_text()
        named = set(re.findall(r"`lib/([a-z]+)/`", text))
        there = {p.name for p in (TOP / "userspace/lib").iterdir() if p.is_dir()}
        self.assertEqual(named, there)


if __name__ == "__main__":
    tap.main()
