#!/usr/bin/env python3
"""Training speed of lorac and of PEFT in a plain PyTorch loop for one family after the other: random weights in shapes
of 40 to 140 million parameters, rows of one length (so nothing is padded), real tokens a second from the third step on.

    families.py [--steps N] [--batch N] [--length N] [--work FOLDER] [NAME ...]

Adapters of rank 8 where PEFT puts them for the targets named below, f32 weights on both sides; lorac in floats (f32)
and as it runs by default (auto). Each side runs twice, in turn, and the better run counts. What a peer cannot train
says so. Run from the root of the checkout, with torch, transformers and peft installed, after `make`."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time

LLAMA = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
ATTENTION = "q_proj,k_proj,v_proj,o_proj"
COMMON = {"vocab_size": 16000, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
WIDE = {"hidden_size": 768, "num_hidden_layers": 8, "num_attention_heads": 12, "num_key_value_heads": 4}
EXPERTS = {"hidden_size": 512, "num_hidden_layers": 6, "num_attention_heads": 8, "num_key_value_heads": 4}
BERT = {"hidden_size": 768, "num_hidden_layers": 8, "num_attention_heads": 12, "intermediate_size": 3072}

# name: (configuration's class, its options, what LoRA is put on, the task)
SHAPES = {
    "llama": ("LlamaConfig", {**WIDE, "intermediate_size": 2048}, LLAMA, "CAUSAL_LM"),
    "gemma2": (
        "Gemma2Config",
        {**WIDE, "intermediate_size": 3072, "head_dim": 64, "query_pre_attn_scalar": 64, "sliding_window": 64},
        LLAMA,
        "CAUSAL_LM",
    ),
    "phi3": (
        "Phi3Config",
        {**WIDE, "num_key_value_heads": 12, "intermediate_size": 2048},
        "qkv_proj,o_proj,gate_up_proj,down_proj",
        "CAUSAL_LM",
    ),
    "gpt2": ("GPT2Config", {"n_embd": 768, "n_layer": 8, "n_head": 12}, "c_attn,c_proj,c_fc", "CAUSAL_LM"),
    "gpt_neox": (
        "GPTNeoXConfig",
        {"hidden_size": 768, "num_hidden_layers": 8, "num_attention_heads": 12, "intermediate_size": 3072},
        "query_key_value,dense,dense_h_to_4h,dense_4h_to_h",
        "CAUSAL_LM",
    ),
    "mixtral": (
        "MixtralConfig",
        {**EXPERTS, "intermediate_size": 1792, "num_local_experts": 8, "num_experts_per_tok": 2},
        ATTENTION,
        "CAUSAL_LM",
    ),
    "qwen2_moe": (
        "Qwen2MoeConfig",
        {
            **EXPERTS,
            "moe_intermediate_size": 352,
            "shared_expert_intermediate_size": 1408,
            "num_experts": 60,
            "num_experts_per_tok": 4,
        },
        ATTENTION,
        "CAUSAL_LM",
    ),
    "t5": (
        "T5Config",
        {"d_model": 512, "d_kv": 64, "d_ff": 2048, "num_layers": 6, "num_heads": 8, "decoder_start_token_id": 0},
        "q,v",
        "SEQ_2_SEQ_LM",
    ),
    "bert": ("BertConfig", BERT, "query,value", "SEQ_CLS"),
    "deberta": (
        "DebertaV2Config",
        {
            **BERT,
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "share_att_key": True,
            "position_buckets": 256,
            "norm_rel_ebd": "layer_norm",
            "position_biased_input": False,
            "type_vocab_size": 0,
        },
        "query_proj,value_proj",
        "SEQ_CLS",
    ),
}
LABELS = 10


def rows_of(args, task):
    draw = random.Random(1)
    ids = lambda n: [draw.randrange(3, COMMON["vocab_size"]) for _ in range(n)]
    rows = []
    for _ in range(args.batch * args.steps):
        row = {"input_ids": ids(args.length)}
        if task == "CAUSAL_LM":
            row["labels"] = row["input_ids"]
        elif task == "SEQ_2_SEQ_LM":
            row["labels"] = ids(args.length // 2)
        else:
            row["labels"] = draw.randrange(LABELS)
        rows.append(row)
    return rows


def tokens_of(row):
    """Tokens that pass through a stack: of the source and of the target."""
    own = isinstance(row["labels"], list) and row["labels"] is not row["input_ids"]
    return len(row["input_ids"]) + (len(row["labels"]) if own else 0)


def config_of(name):
    import transformers

    cls, options, _, task = SHAPES[name]
    config = getattr(transformers, cls)(**{**COMMON, **options, "use_cache": False})
    for key in vars(config):
        if "drop" in key and isinstance(getattr(config, key), float):
            setattr(config, key, 0.0)
    if task == "SEQ_CLS":
        config.num_labels = LABELS
    return config


def auto_class(task):
    import transformers

    return {
        "CAUSAL_LM": transformers.AutoModelForCausalLM,
        "SEQ_2_SEQ_LM": transformers.AutoModelForSeq2SeqLM,
        "SEQ_CLS": transformers.AutoModelForSequenceClassification,
    }[task]


def make(name, folder):
    import torch

    torch.manual_seed(0)
    auto_class(SHAPES[name][3]).from_config(config_of(name)).save_pretrained(folder)
    words = {"type": "WordLevel", "unk_token": "w0", "vocab": {f"w{k}": k for k in range(COMMON["vocab_size"])}}
    with open(os.path.join(folder, "tokenizer.json"), "w") as f:
        json.dump(
            {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "WhitespaceSplit"}, "model": words}, f
        )
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({"eos_token": "w2"}, f)


def peer(args, name, folder):
    """PEFT's tokens a second; runs in a process of its own."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    _, _, targets, task = SHAPES[name]
    model = auto_class(task).from_pretrained(folder, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=targets.split(","), task_type=task))
    model.train()
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=5e-4, weight_decay=0)
    rows, times = rows_of(args, task), []
    for step in range(args.steps):
        batch = rows[step * args.batch : (step + 1) * args.batch]
        ids = torch.tensor([r["input_ids"] for r in batch])
        labels = torch.tensor([r["labels"] for r in batch])
        began = time.time()
        model(input_ids=ids, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.time() - began)
    return args.batch * tokens_of(rows[0]) * (args.steps - 2) / sum(times[2:])


def ours(args, name, folder, compute):
    _, _, targets, task = SHAPES[name]
    data, out = os.path.join(args.work, f"{name}.jsonl"), os.path.join(args.work, "run")
    rows = rows_of(args, task)
    with open(data, "w") as f:
        for r in rows:
            if task == "SEQ_CLS":
                r = {"text": " ".join(f"w{k}" for k in r["input_ids"]), "label": r["labels"]}
            f.write(json.dumps(r) + "\n")
    shutil.rmtree(out, ignore_errors=True)
    command = ["./lorac", "train", "--model", folder, "--data", data, "--out", out, "--quiet", "--compute", compute]
    command += ["--lora_r", "8", "--lora_alpha", "16", "--lora_target_modules", targets, "--logging_steps", "1"]
    command += [
        "--per_device_train_batch_size",
        str(args.batch),
        "--max_steps",
        str(args.steps),
        "--learning_rate",
        "5e-4",
    ]
    command += ["--train_sampling_strategy", "sequential"] + (["--task_type", task] if task == "SEQ_CLS" else [])
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(out, "log.jsonl")) as f:
        steps = [s for s in map(json.loads, f) if "loss" in s]
    tokens = [b["tokens"] - a["tokens"] for a, b in zip(steps, steps[1:])]
    seconds = [n / s["tokens_per_second"] for n, s in zip(tokens, steps[1:])]
    return args.batch * tokens_of(rows[0]) * len(tokens[1:]) / sum(seconds[1:])


def main():
    a = argparse.ArgumentParser()
    a.add_argument("names", nargs="*", metavar="NAME")
    a.add_argument("--steps", type=int, default=8)
    a.add_argument("--batch", type=int, default=4)
    a.add_argument("--length", type=int, default=128)
    a.add_argument("--rounds", type=int, default=2)
    a.add_argument("--work", default="build/peer/families")
    a.add_argument("--peer", help="PEFT's speed for this one family alone, as a number")
    args = a.parse_args()
    folder = lambda name: os.path.join(args.work, name)
    if args.peer:
        print(peer(args, args.peer, folder(args.peer)))
        return
    os.makedirs(args.work, exist_ok=True)
    print(f"{'tokens/s':12} {'PEFT':>8} {'f32':>8} {'auto':>8} {'f32/PEFT':>9} {'auto/PEFT':>9}", flush=True)
    for name in args.names or SHAPES:
        if not os.path.exists(folder(name)):
            make(name, folder(name))
        best = {"peft": 0.0, "f32": 0.0, "auto": 0.0}
        for _ in range(args.rounds):
            again = [sys.executable, __file__, "--peer", name, "--work", args.work, "--steps", str(args.steps)]
            again += ["--batch", str(args.batch), "--length", str(args.length)]
            said = subprocess.run(again, capture_output=True, text=True)
            if said.returncode:
                print(f"{name}: PEFT failed: {said.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            else:
                best["peft"] = max(best["peft"], float(said.stdout.split()[-1]))
            for compute in ("f32", "auto"):
                best[compute] = max(best[compute], ours(args, name, folder(name), compute))
        ratios = [best[c] / best["peft"] if best["peft"] else float("nan") for c in ("f32", "auto")]
        print(
            f"{name:12} {best['peft']:8.0f} {best['f32']:8.0f} {best['auto']:8.0f} {ratios[0]:9.2f} {ratios[1]:9.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
