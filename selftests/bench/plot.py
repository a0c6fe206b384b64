# SPDX-License-Identifier: GPL-2.0-or-later
"""The plot of the benchmark: bars, medians, and how far the runs are apart."""
from html import escape
from statistics import median

WIDTH, LABEL, BAR, GAP, NUMBER = 860, 250, 20, 6, 90
OURS, THEIRS, CEILING, INK, FAINT = "#1f6f8b", "#b9c2c8", "#f0e2b6", "#1b1f22", "#6a737a"
NAMES = {"autotunnel": "autotunnel", "wireguard": "WireGuard", "espinudp": "ESP in UDP (XFRM)",
         "xfrmi": "xfrm interface", "veth": "bare veth"}
CIPHERS = {"null": "no cipher", "gcm": "AES-GCM", "chacha": "ChaCha20-Poly1305", "none": "-"}
COUNTED = [("autotunnel", "null"), ("autotunnel", "gcm"), ("espinudp", "gcm"), ("xfrmi", "gcm"),
           ("autotunnel", "chacha"), ("wireguard", "chacha"), ("espinudp", "chacha"),
           ("xfrmi", "chacha")]


def panel(runs, where, word, unit_of):
    """(label, values, ours?) of all who were measured doing this"""
    rows = []
    for kind, cipher in COUNTED:
        values = runs.all(where, f"{kind}:{cipher}:{word}")
        if values:
            rows.append((f"{NAMES[kind]}, {CIPHERS[cipher]}", values, kind == "autotunnel"))
    return rows, unit_of(where, f"autotunnel:gcm:{word}")


def text(x, y, words, anchor="start", fill=INK, size=13, weight="normal"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{fill}" '
            f'font-size="{size}" font-weight="{weight}">{escape(words)}</text>')


def bars(y, title, rows, unit, marks):
    """One panel. marks: label to a value that is drawn behind that bar."""
    out = [text(10, y + 16, title, size=15, weight="bold"),
           text(WIDTH - 10, y + 16, unit, "end", FAINT)]
    y += 28
    room = WIDTH - LABEL - NUMBER
    top = max([v[-1] for _l, v, _o in rows] + list(marks.values()))
    for label, values, ours in rows:
        wide = median(values) / top * room
        if label in marks:
            out.append(f'<rect x="{LABEL}" y="{y}" width="{marks[label] / top * room:.1f}" '
                       f'height="{BAR}" fill="{CEILING}"/>')
        out.append(f'<rect x="{LABEL}" y="{y}" width="{wide:.1f}" height="{BAR}" '
                   f'fill="{OURS if ours else THEIRS}"/>')
        low, high = (LABEL + v / top * room for v in (values[0], values[-1]))
        if high - low > 1:
            middle = y + BAR / 2
            out.append(f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8'
                       f'M{high:.1f} {middle - 4}v8" stroke="{INK}" fill="none"/>')
        out.append(text(LABEL - 8, y + 15, label, "end"))
        end = LABEL + max([wide, high - LABEL] + [marks.get(label, 0) / top * room])
        value = median(values)
        out.append(text(end + 6, y + 15, f"{value:.0f}" if value >= 100 else f"{value:.1f}"))
        y += BAR + GAP
    return out, y + 18


def draw(runs, where, limit, unit_of):
    if where == "native":
        wanted = [("native", "tcp1", "One TCP flow"),
                  ("native", "nolist:tcp1", "One TCP flow, tx-gso-list off"),
                  ("native", "tcp8", "Eight TCP flows"), ("native", "udp64", "64-byte packets"),
                  ("native", "rtt", "Round trip (less is better)")]
    else:
        wanted = [("icount", "tcp1", "One TCP flow (behind the bar: veth and cipher alone)"),
                  ("icount", "nolist:tcp1", "One TCP flow, tx-gso-list off"),
                  ("icount", "udp64", "64-byte packets, forwarded"),
                  ("icount", "rtt", "Round trip of 64 bytes (less is better)"),
                  ("uml", "tcp1", "One TCP flow, User-Mode Linux, real time")]
    out, y = [], 16
    for place, word, title in wanted:
        rows, unit = panel(runs, place, word, unit_of)
        if not rows:
            continue
        marks = {}
        if (place, word) == ("icount", "tcp1"):
            for cipher in ("gcm", "chacha"):
                for top in limit(runs, cipher):
                    marks[f"{NAMES['autotunnel']}, {CIPHERS[cipher]}"] = top
        drawn, y = bars(y, title, rows, unit, marks)
        out += drawn
    out.append(text(10, y + 4, "; ".join(c for c in runs.conditions if c.startswith(
        ("date", "commit", "processor"))), fill=FAINT, size=11))
    body = "\n".join(out)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 14}" '
            f'width="{WIDTH}" height="{y + 14}" font-family="sans-serif">\n'
            '<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n'
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n')
