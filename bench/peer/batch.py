#!/usr/bin/env python3
"""Greedy texts for a batch of rows with transformers: new tokens a second.

batch.py MODEL.gguf ROWS.csv [ROWS [TOKENS]]"""

import csv
import json
import os
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(len(os.sched_getaffinity(0)))
folder, name = os.path.split(sys.argv[1])
rows = int(sys.argv[3]) if len(sys.argv) > 3 else 25
count = int(sys.argv[4]) if len(sys.argv) > 4 else 64
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name, padding_side="left")
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
table = list(csv.DictReader(open(sys.argv[2], newline="", encoding="utf-8-sig")))[:rows]
batch = tokenizer(
    [f"Describe the restaurant: {r['mr']}\nDescription:" for r in table], return_tensors="pt", padding=True
)
best = 0.0
with torch.no_grad():
    for _ in range(2):
        began = time.time()
        out = model.generate(**batch, do_sample=False, max_new_tokens=count, min_new_tokens=count)
        best = max(best, (out.shape[1] - batch["input_ids"].shape[1]) * len(table) / (time.time() - began))
print(json.dumps({"peer": "transformers", "rows": len(table), "tokens_per_second": best}))
