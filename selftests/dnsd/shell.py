#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs Python for the shell (py in net.sh): reads one text after the other, each
ended by a zero octet, and answers with what it printed, a status and a zero
octet. One interpreter for a whole test: its connections stay, and it starts once.
"""
import contextlib
import io
import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
names = {}
exec("from client import *\nfrom llq import *\nfrom push import *", names)


def run(text):
    try:
        code = compile(text, "<test>", "eval")
    except SyntaxError:
        code = None
    if code is None:
        exec(compile(text, "<test>", "exec"), names)
        return 0
    value = eval(code, names)
    if value is None or value is True:
        return 0
    if value is False:
        print("not so:", text)
        return 1
    print(value)
    return 0


def requests():
    buf = b""
    while True:
        more = os.read(0, 65536)
        if not more:
            return
        buf += more
        while b"\0" in buf:
            text, buf = buf.split(b"\0", 1)
            yield text.decode()


for request in requests():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            status = run(request)
        except Exception:
            print(traceback.format_exc(limit=-4))
            status = 1
    answer = ("%d%s" % (status, out.getvalue().rstrip("\n"))).replace("\0", "?")
    os.write(1, answer.encode() + b"\0")
