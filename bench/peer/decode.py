#!/usr/bin/env python3
"""llama.cpp on the same GGUF: greedy tokens a second, one sequence.  decode.py MODEL.gguf [TOKENS]"""
import json
import os
import sys
import time

from llama_cpp import Llama

threads = len(os.sched_getaffinity(0))
model = Llama(sys.argv[1], n_ctx=1024, n_threads=threads, n_threads_batch=threads, verbose=False)
count = int(sys.argv[2]) if len(sys.argv) > 2 else 128
ids = model.tokenize(b"The history of Rome begins with")
best = 0.0
for _ in range(3):
    model.reset()
    model.eval(ids)
    began = time.time()
    for _ in range(count):
        model.eval([model.sample(temp=0.0)])
    best = max(best, count / (time.time() - began))
print(json.dumps({"peer": "llama.cpp", "tokens_per_second": best}))
