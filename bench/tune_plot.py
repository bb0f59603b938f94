#!/usr/bin/env python3
"""tune_plot.py -- draws docs/tune.svg from docs/tune.tsv, which holds what bench_tune and
bench/peer/tune_peer.py print.

build/release/bench/bench_tune >docs/tune.tsv
bench/peer/tune_peer.py test/data/tune/e2e.tsv | tail -n +2 >>docs/tune.tsv
bench/tune_plot.py docs/tune.tsv docs/tune.svg"""

import math
import sys

W, H, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 64, 190, 20, 48
COLOURS = {
    "random": "#999999",
    "random+halving": "#555555",
    "tpe": "#7fb2e5",
    "tpe+halving": "#0b5fad",
    "optuna": "#e08214",
    "optuna-categorical": "#f4bb77",
}
LOW, HIGH = 0.05, 150.0  # percent; what lies below LOW is drawn there


def main():
    curves, longest = {}, 1.0
    for line in open(sys.argv[1], encoding="utf-8").read().splitlines()[1:]:
        name, at, mean = line.split("\t")[:3]
        if math.isfinite(float(mean)):
            curves.setdefault(name, []).append((float(at), max(float(mean), LOW)))
        longest = max(longest, float(at))

    def x(at):
        return LEFT + (W - LEFT - RIGHT) * math.log(at) / math.log(longest)

    def y(excess):
        return TOP + (H - TOP - BOTTOM) * math.log(HIGH / excess) / math.log(HIGH / LOW)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W} {H}" font-family="sans-serif" font-size="12">',
        f'<rect width="{W}" height="{H}" fill="white"/>',
    ]
    for percent in (0.1, 1, 10, 100):
        out.append(
            f'<path d="M{LEFT} {y(percent):.1f}H{W - RIGHT}" stroke="{"#bbb" if percent == 1 else "#eee"}"/>'
            f'<text x="{LEFT - 8}" y="{y(percent) + 4:.1f}" text-anchor="end">{percent:g} %</text>'
        )
    for at in (1, 2, 4, 8, 16, 32, 64):
        if at <= longest:
            out.append(
                f'<path d="M{x(at):.1f} {TOP}V{H - BOTTOM}" stroke="#eee"/>'
                f'<text x="{x(at):.1f}" y="{H - BOTTOM + 16}" text-anchor="middle">{at}</text>'
            )
    out.append(
        f'<text x="{(LEFT + W - RIGHT) / 2:.0f}" y="{H - 8}" text-anchor="middle">training spent, in full runs</text>'
    )
    out.append(
        f'<text transform="translate(14 {(TOP + H - BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle">'
        "held-out loss above the best, mean over seeds</text>"
    )
    labels = sorted(((c[-1][1], name) for name, c in curves.items()), reverse=True)
    place = TOP + 10
    for _, name in labels:
        c, colour = curves[name], COLOURS.get(name, "#000")
        path = "L".join(f"{x(a):.1f} {y(v):.1f}" for a, v in c)
        width = 2.5 if name == "tpe+halving" else 1.5
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>')
        out.append(
            f'<path d="M{W - RIGHT + 12} {place - 4}h22" stroke="{colour}" stroke-width="{width}"/>'
            f'<text x="{W - RIGHT + 40}" y="{place}">{name}</text>'
        )
        place += 20
    open(sys.argv[2], "w", encoding="utf-8").write("\n".join(out) + "\n</svg>\n")


main()
