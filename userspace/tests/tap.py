# SPDX-License-Identifier: GPL-2.0-or-later
"""Run unittest cases and report them in TAP, like all other tests here."""
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0
        self.parts = []

    def line(self, status, test, comment=""):
        self.count += 1
        print(f"{status} {self.count} - {test.id()}{comment}")

    def diagnose(self, err):
        print("".join(f"# {line}\n" for line in err.splitlines()), end="")

    def startTest(self, test):
        super().startTest(test)
        self.parts = []

    def addSuccess(self, test):
        super().addSuccess(test)
        if not self.parts:
            self.line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("ok", test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line("not ok", test)
        self.diagnose(self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.line("not ok", test)
        self.diagnose(self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.parts.append(err)
            self.line("not ok", subtest)
            self.diagnose(self._exc_info_to_string(err, test))


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(
        sys.modules["__main__"])
    result = TapResult()
    suite.run(result)
    print(f"1..{result.count}")
    sys.exit(not result.wasSuccessful())
