"""Compares a run of scripts/exactness with the recording; exits with 1 when something is outside its bound."""
import json
import sys

recorded = json.load(open(sys.argv[1]))
folder = sys.argv[2]
load = lambda name: json.load(open(f"{folder}/{name}"))
log = [json.loads(l) for l in open(f"{folder}/run/log.jsonl")]
steps = [l for l in log if "loss" in l and "grad_norm" in l]
bad = 0


def line(what, value, bound, ok):
    global bad
    bad += not ok
    print(f"{'ok' if ok else 'BAD':<4}{what:<58}{value:<28}{bound}")


def relative(a, b):
    return abs(a - b) / abs(b)


losses = [relative(s["loss"], r) for s, r in zip(steps, recorded["train_loss"])]
norms = [relative(s["grad_norm"], r) for s, r in zip(steps, recorded["grad_norm"])]
line("steps", str(len(steps)), "250", len(steps) == 250)
line("worst relative difference of the first 50 losses", f"{max(losses[:50]):.2e}", "2e-3", max(losses[:50]) < 2e-3)
line("worst relative difference of all 250 losses", f"{max(losses):.2e}", "(reported)", True)
line("worst relative difference of the first 50 gradient norms", f"{max(norms[:50]):.2e}", "(reported)", True)
before, after = load("before.json")["loss"], load("after.json")["loss"]
line("evaluation loss before", f"{before:.5f} / {recorded['eval_before']['loss']:.5f}", "1e-4 relative",
     relative(before, recorded["eval_before"]["loss"]) < 1e-4)
line("evaluation loss after", f"{after:.5f} / {recorded['eval_after']['loss']:.5f}", "0.5 %",
     relative(after, recorded["eval_after"]["loss"]) < 5e-3)
wanted = [g["hyp"] for g in recorded["generated_after"]]
texts = [t["text"].strip() for t in load("texts.json")]
same = sum(a == b.strip() for a, b in zip(texts, wanted))
line("greedy texts equal after training", f"{same} of {len(wanted)}", "15 of 20", same >= 15)
train = load("train.json")
print(f"{train['seconds']:.0f} s, {train['tokens_per_second']:.0f} tokens/s, {train['peak_bytes'] / 2**20:.0f} MiB")
sys.exit(bad != 0)
