"""Records test/data/train/: learning rates from transformers, AdamW and clipping from PyTorch.

    python3 test/golden/train.py test/data/train
"""
import json
import os
import sys

import torch
import transformers


def schedules():
    cases = []
    shapes = [(0, 10), (3, 10), (1, 1), (7, 23), (10, 10), (0, 1)]
    kinds = [
        ("linear", {}), ("cosine", {}), ("cosine", {"num_cycles": 1.25}), ("cosine_with_restarts", {}),
        ("cosine_with_restarts", {"num_cycles": 3}), ("polynomial", {}),
        ("polynomial", {"power": 2.0, "lr_end": 1e-5}), ("constant", {}), ("constant_with_warmup", {}),
        ("inverse_sqrt", {}), ("cosine_with_min_lr", {"min_lr": 2e-5}),
        ("cosine_with_min_lr", {"min_lr_rate": 0.25}), ("warmup_stable_decay", {"num_decay_steps": 3}),
        ("warmup_stable_decay", {"num_decay_steps": 4, "min_lr_ratio": 0.1}),
    ]
    for name, options in kinds:
        for warmup, steps in shapes:
            if name == "warmup_stable_decay" and warmup + options["num_decay_steps"] > steps:
                continue
            if name == "polynomial" and warmup == steps:
                continue  # divides by zero there
            lr = 2e-4
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
            schedule = transformers.get_scheduler(name, optimizer, warmup, steps, dict(options))
            rates = []
            for _ in range(steps + 3):
                rates.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                schedule.step()
            cases.append({"name": name, "options": options, "warmup": warmup, "steps": steps, "lr": lr,
                          "rates": rates})
    warmups = []
    for asked, steps in [(0, 100), (0.03, 100), (0.03, 7), (0.5, 3), (5, 100), (5.7, 100), (0.999, 1000), (1, 9)]:
        arguments = transformers.TrainingArguments(output_dir="unused", warmup_steps=asked, use_cpu=True)
        warmups.append([asked, steps, arguments.get_warmup_steps(steps)])
    return {"schedules": cases, "warmups": warmups}


def adamw():
    torch.manual_seed(1)
    runs = []
    for options in [dict(lr=1e-3), dict(lr=5e-4, weight_decay=0.1), dict(lr=1e-2, betas=(0.8, 0.95), eps=1e-6),
                    dict(lr=2e-3, max_norm=0.5)]:
        options = dict(options)
        max_norm = options.pop("max_norm", 0.0)
        n, steps = 37, 6
        p = torch.nn.Parameter(torch.randn(n))
        run = {"lr": options["lr"], "weight_decay": options.get("weight_decay", 0.0),
               "betas": list(options.get("betas", (0.9, 0.999))), "eps": options.get("eps", 1e-8),
               "max_norm": max_norm, "start": p.tolist(), "steps": []}
        options.setdefault("weight_decay", 0.0)
        optimizer = torch.optim.AdamW([p], foreach=False, **options)
        for step in range(steps):
            p.grad = torch.randn(n) * 10.0 ** -step
            grad = p.grad.tolist()
            norm = 0.0
            if max_norm:
                norm = torch.nn.utils.clip_grad_norm_([p], max_norm).item()
            optimizer.step()
            state = optimizer.state[p]
            run["steps"].append({"grad": grad, "norm": norm, "param": p.tolist(), "m": state["exp_avg"].tolist(),
                                 "v": state["exp_avg_sq"].tolist()})
        runs.append(run)
    return runs


folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
for name, value in [("schedule.json", schedules()), ("adamw.json", adamw())]:
    with open(os.path.join(folder, name), "w") as f:
        json.dump(value, f, separators=(",", ":"))
        f.write("\n")
