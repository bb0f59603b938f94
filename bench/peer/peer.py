#!/usr/bin/env python3
"""One peer on the rows that lorac trains on: PEFT in a plain PyTorch loop, TRL's SFTTrainer, or either with
bitsandbytes NF4 weights. Prints one JSON object: real tokens a second (padding does not count), the seconds from
the start of the program to the end of the first step, and the peak of resident memory.

    peer.py peft|trl|bnb MODEL.gguf ROWS.csv [--steps N] [--batch N] [--rank N]

bench/peer/run installs what it needs into a virtual environment and calls it."""
import argparse
import csv
import json
import os
import resource
import time

START = time.time()
PROMPT, COMPLETION = "Describe the restaurant: {mr}\nDescription:", " {ref}"
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def load(args):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(args.threads)
    folder, name = os.path.split(args.model)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    model.is_quantized = False  # dequantized while loading, but still said to be GGUF
    model.quantization_method = None
    if args.peer == "bnb":
        import bitsandbytes as bnb

        for parent in list(model.modules()):
            for key, child in list(parent.named_children()):
                if isinstance(child, torch.nn.Linear) and key in TARGETS:
                    new = bnb.nn.Linear4bit(child.in_features, child.out_features, bias=False, quant_type="nf4",
                                            compress_statistics=True, compute_dtype=torch.float32)
                    new.weight = bnb.nn.Params4bit(child.weight.data, requires_grad=False, quant_type="nf4",
                                                   compress_statistics=True)
                    setattr(parent, key, new.to("cpu"))
    return tokenizer, model


def rows_of(args, tokenizer):
    rows = list(csv.DictReader(open(args.rows, newline="", encoding="utf-8-sig")))[: args.steps * args.batch]
    out = []
    for row in rows:
        prompt = tokenizer(PROMPT.format(**row), add_special_tokens=False).input_ids
        completion = tokenizer(COMPLETION.format(**row), add_special_tokens=False).input_ids
        completion.append(tokenizer.eos_token_id)
        out.append((prompt, completion))
    return out


def lora(model, args):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=args.rank, lora_alpha=2 * args.rank, target_modules=TARGETS, task_type="CAUSAL_LM")
    return get_peft_model(model, config)


def plain(args):
    import torch

    tokenizer, model = load(args)
    model = lora(model, args)
    model.train()
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=5e-4, weight_decay=0)
    rows, times, tokens = rows_of(args, tokenizer), [], []
    for step in range(args.steps):
        batch = rows[step * args.batch : (step + 1) * args.batch]
        longest = max(len(p) + len(c) for p, c in batch)
        ids, mask, labels = [], [], []
        for p, c in batch:
            pad = longest - len(p) - len(c)
            ids.append(p + c + [0] * pad)
            mask.append([1] * (len(p) + len(c)) + [0] * pad)
            labels.append([-100] * len(p) + c + [-100] * pad)
        began = time.time()
        loss = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), labels=torch.tensor(labels)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.time() - began)
        tokens.append(sum(len(p) + len(c) for p, c in batch))
        if step == 0:
            first = time.time() - START
    return times, tokens, first


def trl(args):
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    tokenizer, model = load(args)
    rows = list(csv.DictReader(open(args.rows, newline="", encoding="utf-8-sig")))[: args.steps * args.batch]
    data = Dataset.from_list([{"prompt": PROMPT.format(**r), "completion": COMPLETION.format(**r)} for r in rows])
    sizes = [len(p) + len(c) for p, c in rows_of(args, tokenizer)]
    ends = []

    class Clock(TrainerCallback):
        def on_step_begin(self, a, state, control, **k):
            self.began = time.time()

        def on_step_end(self, a, state, control, **k):
            ends.append((time.time() - self.began, time.time() - START))

    config = SFTConfig(output_dir=args.out, per_device_train_batch_size=args.batch, max_steps=args.steps, learning_rate=5e-4,
                       lr_scheduler_type="constant", report_to=[], save_strategy="no", use_cpu=True, bf16=False,
                       gradient_checkpointing=False, logging_strategy="no", shuffle_dataset=False)
    adapter = LoraConfig(r=args.rank, lora_alpha=2 * args.rank, target_modules=TARGETS, task_type="CAUSAL_LM")
    SFTTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer, peft_config=adapter,
               callbacks=[Clock()]).train()
    mean = sum(sizes) / len(sizes) * args.batch  # the sampler's order is TRL's own
    return [t for t, _ in ends], [mean] * len(ends), ends[0][1]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("peer", choices=["peft", "trl", "bnb"])
    a.add_argument("model")
    a.add_argument("rows")
    a.add_argument("--steps", type=int, default=12)
    a.add_argument("--batch", type=int, default=8)
    a.add_argument("--rank", type=int, default=8)
    a.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    a.add_argument("--out", default="build/peer/trl")
    args = a.parse_args()
    times, tokens, first = trl(args) if args.peer == "trl" else plain(args)
    skip = min(2, len(times) - 1)
    print(json.dumps({"peer": args.peer, "tokens_per_second": sum(tokens[skip:]) / sum(times[skip:]),
                      "first_step_seconds": first,
                      "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
