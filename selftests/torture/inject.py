# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's fault injection (Documentation/fault-injection/fault-injection.rst):
the nth allocation of a call fails, or any allocation with a probability, wherever
or below one function only.
"""
import bisect
import os

DEBUG = "/sys/kernel/debug/"
KINDS = ("failslab", "fail_page_alloc", "fail_usercopy")
ALLOCATIONS = KINDS[:2]
EVERYWHERE = (0, 2 ** 64 - 1)
NOWHERE = (1, 2)
MANY = 10 ** 6


def write(path, text):
    with open(path, "w") as f:
        f.write(str(text))


class Symbols:
    """Addresses of functions. Without a symbol's size, it ends where the next begins."""

    def __init__(self):
        self.of, self.module = {}, {}
        with open("/proc/kallsyms") as f:
            for line in f:
                words = line.split()
                if words[1] not in "tTwW":
                    continue
                address = int(words[0], 16)
                self.of.setdefault(words[2], address)
                if len(words) > 3:
                    self.module.setdefault(words[3].strip("[]"), []).append(address)
        self.sorted = sorted(set(self.of.values()))

    def end(self, address):
        i = bisect.bisect_right(self.sorted, address)
        return self.sorted[i] if i < len(self.sorted) else address + 4096

    def range(self, name):
        """Of a function, or of all functions of "[MODULE]". "A|B": whichever there is, as
        a compiler may have made one of both."""
        name = next((n for n in name.split("|") if n in self.of), name)
        if name.startswith("["):
            all_of_it = self.module[name.strip("[]")]
            # the page that follows is the module's own, too
            return min(all_of_it), max(all_of_it) + 4096
        return self.of[name], self.end(self.of[name])


class Injector:
    """Faults of allocations in calls of this thread, and by chance."""

    def __init__(self):
        self.nth, self.armed, self.left = None, False, 0
        # Optional in the kernel's configuration.
        self.can_filter = os.path.exists(DEBUG + "failslab/require-start")
        for kind in KINDS:
            write(DEBUG + kind + "/probability", 0)
            # 2 adds a trace to each fault, for whoever looks for one
            write(DEBUG + kind + "/verbose", os.environ.get("FAULTS_VERBOSE", 0))
        write(DEBUG + "fail_page_alloc/min-order", 0)
        self.wait_too(True)
        self.below(None)

    def wait_too(self, yes):
        """Those that may sleep, too; else GFP_ATOMIC and the like only."""
        for kind in ALLOCATIONS:
            write(DEBUG + kind + "/ignore-gfp-wait", "N" if yes else "Y")

    def limits(self, kind, require, reject=(0, 0)):
        if not self.can_filter:
            return
        write(DEBUG + kind + "/stacktrace-depth", 32)
        for what, pair in (("require", require), ("reject", reject)):
            for end, value in zip(("start", "end"), pair):
                write(DEBUG + "%s/%s-%s" % (kind, what, end), "%#x" % value)

    def below(self, name, reject=None, pages=True):
        """Only in what NAME calls, and in nothing that REJECT calls."""
        if (name or reject) and not self.symbols:
            self.symbols = Symbols()
        require = self.symbols.range(name) if name else EVERYWHERE
        spare = self.symbols.range(reject) if reject else (0, 0)
        self.limits("failslab", require, spare)
        self.limits("fail_page_alloc", require if pages else NOWHERE, spare)
        # Whoever gives the kernel an address that is not there gets EFAULT:
        # that is not what is tried here.
        self.limits("fail_usercopy", NOWHERE)

    def arm(self, nth):
        # opened by the thread that it is of
        if self.nth is None:
            self.nth = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
        self.armed = True
        os.pwrite(self.nth, b"%d" % nth, 0)

    def stop(self):
        """How many allocations were still to come before the fault: 0 if it was."""
        if self.armed:
            self.left = int(os.pread(self.nth, 16, 0).rstrip(b"\0") or b"0")
            os.pwrite(self.nth, b"0", 0)
            self.armed = False
        return self.left

    def chance(self, percent):
        """Of 100, in whatever runs. Returns how many there have been since the last call."""
        count = 0
        for kind in ALLOCATIONS:
            path = DEBUG + kind + "/times"
            with open(path) as f:
                left = int(f.read())
            if left >= 0 and self.counting:
                count += MANY - left
            write(path, MANY if percent else -1)
            write(DEBUG + kind + "/task-filter", "N")
            write(DEBUG + kind + "/probability", percent)
        self.counting = percent > 0
        return count

    counting = False
    symbols = None
