"""Records test/data/metric/bootstrap.json: scores of two recipes, and the intervals that numpy gets from the draws
of base/rng.h (equal to the last digits) and scipy.stats.bootstrap from its own (equal within the error of drawing).

    python test/golden/bootstrap.py >test/data/metric/bootstrap.json
"""

import json

import numpy as np
from scipy import stats

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def key_of(seed, stream):
    return mix((seed * GOLDEN + mix((stream + GOLDEN) & MASK)) & MASK)


def unit(key, index):
    return (mix((key + (index + 1) * GOLDEN) & MASK) >> 11) * 2.0**-53


def score(num, den, seeds, rows):
    return float(np.mean([num[s, rows].sum() / den[s, rows].sum() for s in seeds]))


def ours(a, b, level, replicates, seed):
    (s, n), out = a[0].shape, []
    for k in range(replicates):
        key = key_of(seed, k)
        seeds = [int(unit(key, i) * s) for i in range(s)]
        rows = np.array([int(unit(key, s + i) * n) for i in range(n)])
        out.append(score(*a, seeds, rows) - (score(*b, seeds, rows) if b else 0))
    return [float(x) for x in np.percentile(out, [50 * (1 - level), 50 * (1 + level)])]


def scipys(a, b, level):
    """Rows only, one seed: paired, percentile."""
    parts = [*a, *b] if b else list(a)

    def statistic(*x, axis=-1):
        first = x[0].sum(axis=axis) / x[1].sum(axis=axis)
        return first - (x[2].sum(axis=axis) / x[3].sum(axis=axis) if len(x) > 2 else 0)

    r = stats.bootstrap(
        [p[0] for p in parts],
        statistic,
        paired=True,
        vectorized=True,
        n_resamples=200000,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(1),
        batch=10000,
    )
    return [float(r.confidence_interval.low), float(r.confidence_interval.high)], float(r.standard_error)


g = np.random.default_rng(7)
cases = []
for seeds, rows, level, replicates in (
    (1, 40, 0.95, 2000),
    (3, 60, 0.95, 500),
    (2, 1, 0.95, 50),
    (3, 25, 0.975, 500),
):
    den = np.repeat(g.integers(5, 60, (1, rows)), seeds, axis=0).astype(float)
    base = den * g.gamma(4, 0.5, (1, rows))
    a = (base * g.normal(1, 0.05, (seeds, rows)), den)
    b = (base * g.normal(1.02, 0.05, (seeds, rows)), den)
    every = np.arange(rows)
    case = {
        "seeds": seeds,
        "rows": rows,
        "level": level,
        "replicates": replicates,
        "seed": 5,
        "a": a[0].ravel().tolist(),
        "b": b[0].ravel().tolist(),
        "den": den.ravel().tolist(),
        "score": score(*a, range(seeds), every),
        "difference": score(*a, range(seeds), every) - score(*b, range(seeds), every),
        "interval": ours(a, None, level, replicates, 5),
        "paired": ours(a, b, level, replicates, 5),
    }
    if seeds == 1:
        case["scipy_interval"], case["scipy_error"] = scipys(a, None, level)
        case["scipy_paired"], case["scipy_paired_error"] = scipys(a, b, level)
    cases.append(case)
print(json.dumps(cases))
