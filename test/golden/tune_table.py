#!/usr/bin/env python3
"""tune_table.py -- records test/data/tune/e2e.tsv: a whole grid of configurations, each trained to four budgets.

    tune_table.py LORAC STORIES260K.gguf E2E_FOLDER OUT.tsv [PROCESSES]

LORAC is the program; E2E_FOLDER holds trainset.csv and devset.csv of the E2E challenge (CC BY-SA 4.0). Of their rows of
at most 160 characters every 7th of the one is trained on (972) and every 5th of the other held out (96). The model is
the one of 260 thousand parameters in test/data/models.

Every configuration is one trunk at a constant learning rate after the warm-up; at each budget a branch leaves it whose
learning rate falls to zero over a fifth of the budget's steps, and the held-out loss at its end is what the table
holds. A trunk goes on from its checkpoint, so a configuration costs its longest budget and the branches. Whether the
program's own search trains exactly so is what `test/cli/cases/tune-rungs.cmd` compares.

Columns: learning_rate, lora_r, lora_target_modules, use_rslora, batch (rows of an optimizer step), warmup_ratio, then
for each budget of rows the held-out loss ("nan": the run broke off, its loss above the bare model's) and the
seconds that trunk and branch took since
the budget before. An unfinished file is gone on with."""

import csv, itertools, json, math, os, random, shutil, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor

RUNGS = [36, 108, 324, 972]  # rows
GRID = {
    "learning_rate": ["2e-4", "7e-4", "2.5e-3", "8e-3", "2.5e-2"],
    "lora_r": ["2", "8", "32"],
    "lora_target_modules": ["q_proj,v_proj", "all-linear"],
    "use_rslora": ["false", "true"],
    "batch": ["4", "12"],
    "warmup_ratio": ["0", "0.05"],
}
TEMPLATES = ["--prompt-template", "{mr}\\n", "--completion-template", "{ref}"]


def half_up(x):
    return int(math.floor(x + 0.5))


def shape(rows, batch):
    """Steps of a rung in all, and of those the ones that decay."""
    steps = max(2, half_up(rows / batch))
    return steps, max(1, half_up(0.2 * steps))


def rows_of(path, every, n, out):
    with open(path, newline="", encoding="utf-8") as f:
        rows = list(csv.reader(f))
    short = [r for r in rows[1:] if len(r[0]) + len(r[1]) <= 160]
    with open(out, "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows(rows[:1] + short[::every][:n])


def train(lorac, arguments):
    """The result of one run, or None when it ended in a loss that is no number."""
    p = subprocess.run([lorac, "train", "--json", "--quiet"] + arguments, capture_output=True, text=True)
    if p.returncode == 0:
        return json.loads(p.stdout)
    if "finite" in p.stderr:
        return None
    sys.exit(p.stderr)


def before(lorac, model, work):
    """The held-out loss of the bare model."""
    p = subprocess.run(
        [lorac, "eval", "--json", "--quiet", "--model", model, "--data", f"{work}/eval.csv"] + TEMPLATES,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(p.stdout)["loss"]


def configuration(lorac, model, work, start, number, c):
    batch, r = int(c["batch"]), int(c["lora_r"])
    longest, first = shape(RUNGS[-1], batch), shape(RUNGS[0], batch)
    warmup = min(math.ceil(float(c["warmup_ratio"]) * longest[0]), (first[0] - first[1]) // 2)
    folder = os.path.join(work, str(number))
    common = [
        "--model",
        model,
        "--data",
        f"{work}/train.csv",
        "--threads",
        "1",
        "--r",
        str(r),
        "--lora_alpha",
        str(2 * r),
        "--lora_target_modules",
        c["lora_target_modules"],
        "--use_rslora",
        c["use_rslora"],
        "--learning_rate",
        c["learning_rate"],
        "--per_device_train_batch_size",
        str(batch),
        "--warmup_steps",
        str(warmup),
    ] + TEMPLATES
    line, at, seconds = [], 0, 0.0
    for rows in RUNGS:
        steps, decay = shape(rows, batch)
        trunk = common + [
            "--out",
            f"{folder}/trunk",
            "--max_steps",
            str(steps - decay),
            "--lr_scheduler_type",
            "constant_with_warmup",
            "--save_total_limit",
            "1",
        ]
        if at:
            trunk += ["--resume_from_checkpoint", f"{folder}/trunk/checkpoint-{at}"]
        went = train(lorac, trunk)
        at = steps - decay
        branch = common + [
            "--out",
            f"{folder}/branch",
            "--max_steps",
            str(steps),
            "--save_strategy",
            "no",
            "--lr_scheduler_type",
            "warmup_stable_decay",
            "--eval-data",
            f"{work}/eval.csv",
            "--lr_scheduler_kwargs",
            json.dumps({"num_decay_steps": decay}),
            "--resume_from_checkpoint",
            f"{folder}/trunk/checkpoint-{at}",
        ]
        ended = train(lorac, branch) if went else None
        if not ended or ended["eval_loss"] > 1.02 * start:
            line += ["nan", "0"] * (len(RUNGS) - len(line) // 2)
            break
        # a run's seconds are those of all its steps, before a resume too
        line += [f"{ended['eval_loss']:.9g}", f"{ended['seconds'] - seconds:.3f}"]
        seconds = went["seconds"]
    shutil.rmtree(folder, ignore_errors=True)
    return line


def main():
    lorac, model, e2e, out = sys.argv[1:5]
    processes = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    all_of_them = [dict(zip(GRID, values)) for values in itertools.product(*GRID.values())]
    done = set()
    if os.path.exists(out):
        done = {tuple(l.split("\t")[: len(GRID)]) for l in open(out, encoding="utf-8").read().splitlines()[1:]}
    else:
        with open(out, "w", encoding="utf-8") as f:
            head = list(GRID) + [f"{what}_{rows}" for rows in RUNGS for what in ("loss", "seconds")]
            f.write("\t".join(head) + "\n")
    with tempfile.TemporaryDirectory() as work:
        rows_of(f"{e2e}/trainset.csv", 7, RUNGS[-1], f"{work}/train.csv")
        rows_of(f"{e2e}/devset.csv", 5, 96, f"{work}/eval.csv")
        start = before(lorac, model, work)
        left = [(i, c) for i, c in enumerate(all_of_them) if tuple(c.values()) not in done]
        random.Random(1).shuffle(left)  # an unfinished table is a sample of the whole one
        with ThreadPoolExecutor(processes) as pool:
            for (_, c), line in zip(left, pool.map(lambda p: configuration(lorac, model, work, start, *p), left)):
                with open(out, "a", encoding="utf-8") as f:
                    f.write("\t".join(list(c.values()) + line) + "\n")
    head, *lines = open(out, encoding="utf-8").read().splitlines()
    place = {tuple(c.values()): i for i, c in enumerate(all_of_them)}
    lines.sort(key=lambda l: place[tuple(l.split("\t")[: len(GRID)])])
    with open(out, "w", encoding="utf-8") as f:
        f.write("\n".join([head] + lines) + "\n")


main()
