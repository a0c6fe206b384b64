#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs Python for the shell (py in net.sh): reads one text after the other, each
ended by a zero octet, and answers with what it printed, a status and a zero
octet. One interpreter for a whole test: its connections stay, and it starts once.
"""
import ast
import contextlib
import io
import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
names = {}
exec("from client import *\nfrom llq import *\nfrom push import *\nfrom load import *", names)


def run(text):
    """The last expression is what it is worth."""
    tree = ast.parse(text, "<test>")
    value = None
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<test>", "exec"), names)
    if last:
        value = eval(compile(ast.Expression(last.value), "<test>", "eval"), names)
    if value is False:
        print("not so:", text)
        return 1
    if value is not None and value is not True:
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
