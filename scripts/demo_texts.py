"""Prints what both recipes of `make demo` wrote for three held-out products, beside the shop's own description."""

import json
import sys
import textwrap

folder = sys.argv[1]


def load(recipe):
    with open(f"{folder}/{recipe}-42/eval/eval.jsonl") as f:
        return [json.loads(line) for line in f]


texts = {recipe: load(recipe) for recipe in ("lora", "qlora")}
for i, row in enumerate(texts["lora"][:3]):
    about = [line for line in row["prompt"].split("\n")[1:-1] if not line.endswith(": ")]
    print("\n" + "; ".join(about))
    for title, text in (
        ("LoRA", row["text"]),
        ("QLoRA", texts["qlora"][i]["text"]),
        ("the shop's", row["references"][0]),
    ):
        body = textwrap.wrap(" ".join(text.split()), 96) or ["(nothing)"]
        print(f"  {title:<11}{body[0]}")
        for line in body[1:]:
            print(f"  {'':<11}{line}")
