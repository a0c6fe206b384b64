#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
page.py BUILD PAGE: the figures of BUILD/tunnel.json, with their conditions from
tunnel.txt, go between the marks of PAGE/README.md; the plot beside it.
"""
import json
import shutil
import sys

BEGIN, END = "<!-- figures: scripts/bench --page -->\n", "<!-- end of the figures -->\n"


def lines(build):
    with open(f"{build}/tunnel.json", encoding="utf-8") as file:
        figures = json.load(file)
    with open(f"{build}/tunnel.txt", encoding="utf-8") as file:
        table = file.read()
    goals = {}
    for line in table.splitlines():
        words = line.split()
        if len(words) > 4 and words[3] in (">=", "<="):
            goals[words[0]] = " ".join(words[3:6])
    yield "![plot of the figures below](tunnel.svg)\n\n"
    yield "| figure | value | unit | goal |\n|---|---|---|---|\n"
    for figure in figures:
        if ":" not in figure["name"]:
            yield (f"| `{figure['name']}` | {figure['value']:.4g} | {figure['unit']} "
                   f"| {goals.get(figure['name'], '')} |\n")
    yield "\nWith all tasks, their spread and the conditions:\n\n```\n" + table + "```\n"


def main():
    build, page = sys.argv[1:3]
    with open(f"{page}/README.md", encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    text = before + BEGIN + "\n" + "".join(lines(build)) + "\n" + END + after
    with open(f"{page}/README.md", "w", encoding="utf-8") as file:
        file.write(text)
    shutil.copyfile(f"{build}/tunnel.svg", f"{page}/tunnel.svg")
    print(f"{page}/README.md and tunnel.svg are written")


main()
