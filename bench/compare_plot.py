#!/usr/bin/env python3
"""compare_plot.py -- draws docs/study.svg: what each recipe's held-out loss is above that of the first, with intervals.

bench/compare_plot.py OUT.svg types/compare.json settings/compare.json"""

import json
import sys

W, LEFT, RIGHT, ROW, TOP = 760, 130, 30, 22, 40


def read(path):
    told = json.load(open(path, encoding="utf-8"))
    rows = [(d["recipe"], d["value"], d["low"], d["high"]) for d in told["differences"] if d["score"] == "loss"]
    return told["results"][0]["name"], rows


def main():
    parts = [read(p) for p in sys.argv[2:]]
    ends = [x for _, rows in parts for r in rows for x in r[1:]] + [0]
    low, high = min(ends) - 0.01, max(ends) + 0.01
    height = TOP + sum(ROW * (len(rows) + 2) for _, rows in parts) + 20

    def x(v):
        return LEFT + (W - LEFT - RIGHT) * (v - low) / (high - low)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{W}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="16">held-out loss above that of the first recipe, nats; lines: intervals</text>',
    ]
    for k in range(-20, 21):
        v = k / 20
        if low <= v <= high:
            out.append(
                f'<path d="M{x(v):.1f} {TOP - 12}V{height - 18}" stroke="{"#999" if k == 0 else "#eee"}"/>'
                f'<text x="{x(v):.1f}" y="{height - 4}" text-anchor="middle">{v:+.2f}</text>'
            )
    y = TOP
    for first, rows in parts:
        out.append(f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end" font-weight="bold">{first}</text>')
        out.append(f'<circle cx="{x(0):.1f}" cy="{y}" r="4" fill="#555"/>')
        for name, value, a, b in rows:
            y += ROW
            colour = "#999999" if a <= 0 <= b else "#b2182b" if value > 0 else "#0b5fad"
            out.append(
                f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{name}</text>'
                f'<path d="M{x(a):.1f} {y}H{x(b):.1f}" stroke="{colour}" stroke-width="2"/>'
                f'<circle cx="{x(value):.1f}" cy="{y}" r="4" fill="{colour}"/>'
            )
        y += 2 * ROW
    out.append("</svg>")
    open(sys.argv[1], "w", encoding="utf-8").write("\n".join(out) + "\n")


main()
