"""Prints what `make demo` found: one table of both recipes and three held-out products with their descriptions."""
import csv
import json
import sys
import textwrap

folder, data = sys.argv[1:3]


def load(name):
    with open(f"{folder}/{name}.json") as f:
        return json.load(f)


recipes = ("lora", "qlora")
train = {r: load(r + ".train") for r in recipes}
loss = {(r, s): load(f"{r}.{s}") for r in recipes for s in ("before", "after")}
lines = [
    ("", "LoRA (f32)", "QLoRA (NF4)"),
    ("trainable parameters", *(f"{train[r]['trainable_parameters']:,}" for r in recipes)),
    ("peak memory", *(f"{train[r]['peak_bytes'] / 2**20:,.0f} MiB" for r in recipes)),
    ("seconds", *(f"{train[r]['seconds']:.0f}" for r in recipes)),
    ("tokens/s", *(f"{train[r]['tokens_per_second']:,.0f}" for r in recipes)),
    ("held-out loss before", *(f"{loss[r, 'before']['loss']:.4f}" for r in recipes)),
    ("held-out loss after", *(f"{loss[r, 'after']['loss']:.4f}" for r in recipes)),
]
print(f"\n100 held-out products ({loss['lora', 'after']['label_tokens']:,} label tokens):\n")
for name, a, b in lines:
    print(f"  {name:<22}{a:>14}{b:>14}")

texts = {k: load(k + ".texts") for k in ("before", *recipes)}
with open(data, newline="") as f:
    products = list(csv.DictReader(f))[:3]
for i, p in enumerate(products):
    about = ", ".join(p[k] for k in ("category", "style", "price", "audience") if p[k])
    print(f"\n{p['name']} ({about})")
    for title, text in (("before", texts["before"][i]["text"]), ("LoRA", texts["lora"][i]["text"]),
                        ("QLoRA", texts["qlora"][i]["text"]), ("the shop's", p["description"])):
        body = textwrap.wrap(" ".join(text.split()), 96) or ["(nothing)"]
        print(f"  {title:<11}{body[0]}")
        for line in body[1:]:
            print(f"  {'':<11}{line}")
