#!/usr/bin/env python3
"""An encoder as classifier, trained by PEFT and by lorac from the same adapter and head, on the same rows in the same
batches, with the same schedule: accuracy on the test rows, and seconds of training.

    classify.py MODEL TRAIN.csv TEST.csv [--seeds 1,2,3] [--epochs N] [--steps N] [--grouped] [--dropout]

The columns are `text` and a label (--label). All epochs' rows, each epoch's in an order of its own, stand in one file, so that both
sides see the same; --grouped sorts every 50 batches by length, which spares PEFT padding; --steps stops
early, to compare speed alone. PEFT runs with dropout of the base off, as lorac by default; --dropout runs it as config.json says, on
both sides. Run from the root of the checkout, with torch, transformers and peft installed, after `make`."""

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import time

BATCH, RATE, LENGTH = 32, 2e-3, 128


def read(path, label):
    with open(path, newline="", encoding="utf-8") as f:
        return [(row["text"], row[label]) for row in csv.DictReader(f)]


def order_of(args, rows, tokenizer, seed):
    """Every epoch's rows one after the other, cut to the steps asked for."""
    draw, out = random.Random(seed), []
    for _ in range(args.epochs):
        epoch = draw.sample(rows, len(rows))
        if args.grouped:
            pool = 50 * BATCH
            sizes = {text: len(tokenizer(text).input_ids) for text, _ in epoch}
            pools = [sorted(epoch[k : k + pool], key=lambda r: sizes[r[0]]) for k in range(0, len(epoch), pool)]
            batches = [p[k : k + BATCH] for p in pools for k in range(0, len(p), BATCH)]
            draw.shuffle(batches)
            epoch = [row for b in batches for row in b]
        out += epoch
    return out[: args.steps * BATCH] if args.steps else out


def batch_of(tokenizer, rows, names, torch):
    texts = tokenizer([t for t, _ in rows], padding=True, truncation=True, max_length=LENGTH, return_tensors="pt")
    return texts, torch.tensor([names.index(label) for _, label in rows])


def build(args, names, seed):
    import torch
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(seed)
    config = AutoConfig.from_pretrained(args.model, num_labels=len(names))
    config.id2label = dict(enumerate(names))
    config.label2id = {name: k for k, name in enumerate(names)}
    if not args.dropout:
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    model = AutoModelForSequenceClassification.from_pretrained(args.model, config=config)
    torch.nn.init.normal_(model.classifier.weight, std=0.02)
    torch.nn.init.zeros_(model.classifier.bias)
    lora = LoraConfig(r=8, lora_alpha=16, target_modules=["query", "value"], task_type=TaskType.SEQ_CLS)
    return get_peft_model(model, lora)


def peft(args, model, tokenizer, rows, test, names):
    """Accuracy and seconds of training."""
    import torch
    from transformers import get_linear_schedule_with_warmup

    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=RATE, weight_decay=0)
    steps = -(-len(rows) // BATCH)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, steps)
    model.train()
    began = time.time()
    for step in range(steps):
        inputs, labels = batch_of(tokenizer, rows[step * BATCH : (step + 1) * BATCH], names, torch)
        model(**inputs, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    seconds = time.time() - began
    model.eval()
    right = 0
    with torch.no_grad():
        for k in range(0, len(test), 2 * BATCH):
            inputs, labels = batch_of(tokenizer, test[k : k + 2 * BATCH], names, torch)
            right += (model(**inputs).logits.argmax(-1) == labels).sum().item()
    return right / len(test), seconds


def lorac(args, start, rows):
    data, out = os.path.join(args.work, "rows.csv"), os.path.join(args.work, "run")
    with open(data, "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("text", args.label)] + rows)
    shutil.rmtree(out, ignore_errors=True)
    train = [
        "./lorac",
        "train",
        "--model",
        args.model,
        "--task_type",
        "SEQ_CLS",
        "--data",
        data,
        "--out",
        out,
        "--adapter",
        start,
    ]
    train += [
        "--label_column_name",
        args.label,
        "--learning_rate",
        str(RATE),
        "--warmup_steps",
        "0",
        "--num_train_epochs",
        "1",
    ]
    train += [
        "--per_device_train_batch_size",
        str(BATCH),
        "--max_length",
        str(LENGTH),
        "--train_sampling_strategy",
        "sequential",
    ]
    train += ["--compute", args.compute, "--quiet", "--json"] + (["--base_dropout", "config"] if args.dropout else [])
    seconds = json.loads(subprocess.run(train, check=True, stdout=subprocess.PIPE).stdout)["seconds"]
    test = [
        "./lorac",
        "eval",
        "--model",
        args.model,
        "--adapter",
        out,
        "--data",
        args.test,
        "--max_length",
        str(LENGTH),
    ]
    test += ["--label_column_name", args.label, "--quiet", "--json"]
    return json.loads(subprocess.run(test, check=True, stdout=subprocess.PIPE).stdout)["accuracy"], seconds


def main():
    a = argparse.ArgumentParser()
    a.add_argument("model")
    a.add_argument("train")
    a.add_argument("test")
    a.add_argument("--label", default="category")
    a.add_argument("--seeds", default="1,2,3")
    a.add_argument("--epochs", type=int, default=3)
    a.add_argument("--steps", type=int, default=0)
    a.add_argument("--grouped", action="store_true")
    a.add_argument("--dropout", action="store_true")
    a.add_argument("--compute", default="auto")
    a.add_argument("--work", default="build/peer/classify")
    args = a.parse_args()
    import torch
    from transformers import AutoTokenizer

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    os.makedirs(args.work, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    train, test = read(args.train, args.label), read(args.test, args.label)
    names = sorted({label for _, label in train}, key=lambda name: name.encode())
    print(f"{'seed':>4} {'PEFT':>8} {'seconds':>8} {'lorac':>8} {'seconds':>8}", flush=True)
    for seed in map(int, args.seeds.split(",")):
        rows = order_of(args, train, tokenizer, seed)
        model, start = build(args, names, seed), os.path.join(args.work, "start")
        model.save_pretrained(start)
        mine = lorac(args, start, rows)
        theirs = peft(args, model, tokenizer, rows, test, names)
        print(f"{seed:4} {theirs[0]:8.4f} {theirs[1]:8.1f} {mine[0]:8.4f} {mine[1]:8.1f}", flush=True)


if __name__ == "__main__":
    main()
