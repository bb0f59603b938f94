#!/usr/bin/env python3
"""Optuna's TPE with its Hyperband pruner on the table that bench/bench_tune.c replays (docs/TUNE.md).

    tune_peer.py TABLE.tsv [SEEDS] >CURVE.tsv        needs optuna from PyPI

The same rules as for lorac: the first trial is where the options stand (enqueued), a trial pays for the trunk since its
last rung and a branch of a fifth, and after every rung the study names its best by the same order. In Optuna's
favour: a configuration that comes again costs nothing. "optuna" has numbers that lie in a row as such (suggest_int
over their places, as lorac does), "optuna-categorical" everything as categories; both samplers are multivariate.
Prints what bench_tune prints: strategy, full runs spent, mean and median excess over the best in percent, and the
share of seeds in which a run trained to the end is within 1 % of the best."""

import math
import statistics
import sys
import warnings

import optuna

STANDARD = {
    "learning_rate": "2e-4",
    "lora_r": "8",
    "lora_target_modules": "all-linear",
    "use_rslora": "false",
    "batch": "4",
    "warmup_ratio": "0.05",
}
CATEGORIES = {"lora_target_modules", "use_rslora"}
BUDGETS = [n / 240 for n in (1.5, 2, 3, 4, 6, 7.2, 9.6, 12, 18, 24, 36, 48)]  # of the whole grid


def read(path):
    head, *lines = [l.split("\t") for l in open(path, encoding="utf-8").read().splitlines()]
    names = [n for n in head if not n.startswith(("loss_", "seconds_"))]
    rows = [int(n[5:]) for n in head if n.startswith("loss_")]
    values = {n: list(dict.fromkeys(l[i] for l in lines)) for i, n in enumerate(names)}
    table = {tuple(l[: len(names)]): [float(x) for x in l[len(names) :: 2]] for l in lines}
    return names, values, rows, {k: [v if math.isfinite(v) else math.inf for v in vs] for k, vs in table.items()}


def order(runs):
    """The runs best first: those of rung 1 share out their places at rung 0 by their order at rung 1, and so on."""
    keys = sorted(runs, key=lambda k: runs[k][0])
    for rung in range(1, max(len(v) for v in runs.values())):
        deeper = iter(sorted((k for k in keys if len(runs[k]) > rung), key=lambda k: runs[k][rung]))
        keys = [next(deeper) if len(runs[k]) > rung else k for k in keys]
    return [k for k in keys if math.isfinite(runs[k][-1])] + [k for k in keys if not math.isfinite(runs[k][-1])]


def play(names, values, rows, table, seed, budget, categorical):
    """Notes of (full runs spent, loss of the named at the full budget, best that was trained to the end)."""
    runs, notes, cost = {}, [], 0.0
    eta = round(rows[1] / rows[0])

    def ask(trial):
        key = []
        for n in names:
            if categorical or n in CATEGORIES:
                key.append(trial.suggest_categorical(n, values[n]))
            else:
                key.append(values[n][trial.suggest_int(n, 0, len(values[n]) - 1)])
        return tuple(key)

    def objective(trial):
        nonlocal cost
        key = ask(trial)
        if key not in table:
            raise optuna.TrialPruned  # refused: costs nothing
        seen = runs.setdefault(key, [])
        for k, whole in enumerate(rows):
            loss = table[key][k]
            if k == len(seen):
                seen.append(loss)
                cost += 0.8 * (whole - (rows[k - 1] if k else 0)) + 0.2 * whole
                named = order(runs)[0]
                found = min((v[-1] for v in runs.values() if len(v) == len(rows)), default=math.inf)
                notes.append((cost / rows[-1], table[named][-1], found))
            trial.report(min(loss, 1e3), eta**k)
            if not math.isfinite(loss) or (k + 1 < len(rows) and trial.should_prune()):
                raise optuna.TrialPruned
        return loss

    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=eta ** (len(rows) - 1), reduction_factor=eta)
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    standard = {}
    for n in names:
        wanted = STANDARD.get(n, values[n][-1])
        near = wanted if wanted in values[n] else min(values[n], key=lambda v: abs(float(v) - float(wanted)))
        standard[n] = near if categorical or n in CATEGORIES else values[n].index(near)
    study.enqueue_trial(standard)
    for _ in range(len(table)):
        if cost >= budget * rows[-1]:
            break
        study.optimize(objective, n_trials=1)
    return notes


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore")
    names, values, rows, table = read(sys.argv[1])
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    best = min(v[-1] for v in table.values())
    print("strategy\tfull_runs\tmean_excess\tmedian_excess\twithin_1_percent")
    for name in ("optuna", "optuna-categorical"):
        games = [play(names, values, rows, table, s, len(table) / 5, name != "optuna") for s in range(seeds)]
        for share in BUDGETS:
            at, excess, within = share * len(table), [], 0
            for notes in games:
                last = [n for n in notes if n[0] <= at + 1e-9][-1:] or [(0, math.inf, math.inf)]
                excess.append(100 * (last[0][1] / best - 1))
                within += last[0][2] <= 1.01 * best
            print(
                f"{name}\t{at:.4g}\t{statistics.mean(excess):.3f}\t{statistics.median(excess):.3f}\t{within / seeds:.3f}",
                flush=True,
            )


main()
