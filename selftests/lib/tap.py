# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP for tests written in Python; the plan comes last, as in tap.sh."""
import os
import subprocess
import sys
import time

count = failed = 0


def diag(text):
    for line in str(text).splitlines():
        print("#", line)


def ok(what, true, *why):
    """One test; WHY is shown when it failed."""
    global count, failed
    count += 1
    print("%s %d - %s" % ("ok" if true else "not ok", count, what), flush=True)
    if not true:
        failed += 1
        frame = sys._getframe(1)
        while frame.f_globals is globals():
            frame = frame.f_back
        diag("line %d" % frame.f_lineno)
        for w in why:
            diag(w)
    return bool(true)


def equal(what, got, wanted):
    return ok(what, got == wanted, "got:    %r" % (got,), "wanted: %r" % (wanted,))


def skip(what, why):
    global count
    count += 1
    print("ok %d - %s # SKIP %s" % (count, what, why), flush=True)


def skip_all(why):
    print("1..0 # SKIP", why)
    sys.exit(0)


def sh(*args, check=True):
    """Runs a command given as words in one string or as a list."""
    words = args[0].split() if len(args) == 1 else list(args)
    p = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       universal_newlines=True)
    if check and p.returncode:
        diag("%s: status %d" % (" ".join(words), p.returncode))
        diag(p.stdout)
        sys.exit(1)
    return p.stdout


def wait_for(limit, condition):
    end = time.monotonic() + limit * int(os.environ.get("BTMM_PATIENCE", 1))
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def done():
    print("1..%d" % count)
    sys.exit(failed > 0)
