#!/usr/bin/env python3
"""The tokenizers library on the same lines as bench_tokenizer, one thread.  tokenize_peer.py TOKENIZER.json TEXT"""

import os
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
from tokenizers import Tokenizer  # noqa: E402

tokenizer = Tokenizer.from_file(sys.argv[1])
tokenizer.no_truncation()
tokenizer.no_padding()
lines = open(sys.argv[2], encoding="utf-8").read().splitlines()
size = sum(len(s.encode()) + 1 for s in lines)
best = 1e30
for _ in range(5):
    for batch in (tokenizer.encode_batch, tokenizer.encode_batch_fast):
        began = time.perf_counter()
        batch(lines, add_special_tokens=False)
        best = min(best, time.perf_counter() - began)
print("tokenizers  %.1f MB: %.1f MB/s" % (size / 1e6, size / best / 1e6))
