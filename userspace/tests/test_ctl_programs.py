#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""btmm-ctl is in two programs: what is asked often loads few libraries."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import tap

CTL = os.environ["BTMM_CTL"]


def run(program, *words):
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60)


class Programs(unittest.TestCase):
    def test_libraries(self):
        out = subprocess.run(["readelf", "-d", CTL], capture_output=True, text=True,
                             check=True).stdout
        needed = set(re.findall(r"\(NEEDED\).*\[(lib[a-z]+)", out))
        self.assertIn("libjansson", needed)
        self.assertFalse(needed & {"libknot", "libdnssec", "libssl", "libcrypto", "libsystemd"})

    def test_arguments(self):
        """Each word is there in the other program, options in front of it, too."""
        with tempfile.TemporaryDirectory() as d:
            for words in (("account", "show"), ("--json", "account"), ("host", "list", "offline")):
                r = run(CTL, *words, "directory", f"{d}/none")
                self.assertEqual(r.returncode, 2 if words[1] == "account" else 3, r.stderr)
                self.assertIn("account", r.stderr)
            self.assertIn("bundle", run(CTL, "help", "host").stdout)
            self.assertIn("Usage: btmm-ctl account init", run(CTL, "account", "init", "-h").stdout)

    def test_half_installed(self):
        with tempfile.TemporaryDirectory() as d:
            lone = shutil.copy(CTL, d)
            r = run(lone, "host", "list")
            self.assertEqual(r.returncode, 1)
            self.assertRegex(r.stderr, "cannot run .*btmm-ctl-account: No such file")
            self.assertEqual(run(lone, "--version").returncode, 0)


if __name__ == "__main__":
    tap.main()
