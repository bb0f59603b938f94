"""What the recordings of models share: ten optimizer steps, and the choice of entries on the command line."""

import json
import sys

import torch


def ten_steps(params, loss_of):
    """Loss and norm of the gradient before each step, as test/train/walk.h makes them."""
    opt = torch.optim.AdamW(params, lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    train = []
    for _ in range(10):
        opt.zero_grad()
        loss = loss_of()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        train.append({"loss": float(loss.detach()), "grad_norm": float(norm)})
    return train


def write_golden(golden, path):
    with open(path, "w") as f:
        json.dump(golden, f, separators=(",", ":"))
        f.write("\n")


def make_chosen(entries, make, out, what):
    """Those whose names begin with a word of the command line; all without one."""
    chosen = sys.argv[1:] or [""]
    for entry in entries:
        if any(entry[0].startswith(c) for c in chosen):
            make(*entry)
    with open(f"{out}/README.md", "w") as f:
        f.write(what)
