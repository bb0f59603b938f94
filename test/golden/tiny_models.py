"""Records what transformers + PEFT compute for a random tiny model of every family, with a LoRA adapter.

    python3 test/golden/tiny_models.py [NAME ...]        all of them, or those whose names begin so

Writes test/data/model/tiny/NAME/ for every entry of MODELS in tiny_*.py beside this file:

    config.json, model.safetensors    the model as its class saves it, weights in bf16
    adapter/                          a PEFT adapter whose A and B are both random, in bf16
    golden.json                       token rows, the loss, ten optimizer losses, greedy continuations
    golden.safetensors                logits of row 0, cross entropies of all labels, every adapter gradient, in f32
    NAME.gguf                         where the entry has `gguf`: the same model with that format's names and row orders
    NAME-old.gguf                     of Mixtral: with a tensor for each expert

Numbers are computed in f32 from weights that are whole bf16 numbers, so both sides start from the same. A test of the
program walks all folders. Run with torch, transformers, peft, safetensors, numpy and gguf installed.
"""

import glob, importlib, json, os, shutil, sys, zlib
import numpy as np, torch
from safetensors.torch import load_file, save_file
from peft import LoraConfig, PeftModel, get_peft_model

from recording import ten_steps, write_golden

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "data", "model", "tiny")
VOCAB, EOS, BOS = 64, 2, 1
torch.set_num_threads(1)


class Model:
    """An entry: NAME of the folder, class and configuration, the adapter's targets, and what is special about it.

    init(name, p) returns a parameter's numbers or None for the usual ones; rows is a list of (prompt, completion)
    lengths; gguf(folder, path) writes a GGUF file from the saved folder; finish(folder) changes the saved files.
    rename: a part of the modules' paths, and what files call it. wrap(model) returns the module that PEFT
    is put on and that computes, the same function as the model's. attention: how the reference computes it.
    """

    def __init__(
        self,
        name,
        cls,
        config,
        targets,
        init=None,
        rows=None,
        gguf=None,
        finish=None,
        wrap=None,
        rank=2,
        generate=True,
        rename=None,
        attention="eager",
    ):
        self.name, self.cls, self.config, self.targets = name, cls, config, targets
        self.init, self.rows, self.gguf, self.finish, self.wrap = init, rows, gguf, finish, wrap
        self.rank, self.generate, self.rename, self.attention = rank, generate, rename, attention


def bf16(x):
    return x.to(torch.bfloat16).float()


def usual(name, p):
    if p.ndim == 1 and ("norm" in name or "ln" in name) and name.endswith("weight"):
        return 1 + 0.2 * torch.randn_like(p)
    if p.ndim == 1:
        return 0.3 * torch.randn_like(p)
    return torch.randn_like(p) * (1.0 if "embed" in name or "wte" in name else 1.5 / p.shape[-1] ** 0.5)


def fill(entry, model):
    seen = set()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.data_ptr() in seen:
                continue
            seen.add(p.data_ptr())
            x = entry.init(name, p) if entry.init else None
            p.copy_(bf16(usual(name, p) if x is None else x))


def token_rows(entry):
    rng = np.random.default_rng(3)
    out = []
    for prompt, completion in entry.rows or [(5, 4), (1, 9), (12, 1), (3, 17), (7, 6)]:
        ids = rng.integers(3, VOCAB, prompt + completion).tolist() + [EOS]
        out.append({"ids": ids, "labels": [0] * prompt + [1] * (completion + 1)})
    return out


def losses(model, data):
    """Cross entropy of every label, row after row, and the logits of row 0."""
    ce, first = [], None
    for r in data:
        ids = torch.tensor([r["ids"]])
        logits = model(input_ids=ids).logits[0]
        first = logits if first is None else first
        c = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="none")
        ce.append(c[torch.tensor(r["labels"][1:]) > 0])
    return torch.cat(ce), first


def greedy(model, prompt, n):
    """The likeliest token n times, every time from the whole sequence."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(n):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == EOS:
                break
    return ids[len(prompt) :]


def record(entry, model, data, folder):
    ce, logits = losses(model, data)
    ce.mean().backward()
    params = {k: p for k, p in model.named_parameters() if p.requires_grad}
    kept = {
        "grad." + file_name(entry, k.replace(".default", "")): p.grad.clone().contiguous() for k, p in params.items()
    }
    kept["logits"] = logits.detach().contiguous()
    kept["cross_entropy"] = ce.detach().contiguous()
    save_file(kept, f"{folder}/golden.safetensors")
    golden = {"rows": data, "loss": float(ce.detach().mean()), "generated": []}
    for r in data[:3] if entry.generate else []:
        n = r["labels"].index(1)
        golden["generated"].append({"prompt": r["ids"][:n], "new": greedy(model, r["ids"][:n], 10)})
    golden["train"] = ten_steps(list(params.values()), lambda: losses(model, data)[0].mean())
    write_golden(golden, f"{folder}/golden.json")


def file_name(entry, name):
    return name.replace(f".{entry.rename[0]}.", f".{entry.rename[1]}.") if entry.rename else name


def as_bf16(path, entry=None):
    state = {
        file_name(entry, k) if entry else k: v.to(torch.bfloat16) if v.dtype == torch.float32 else v
        for k, v in load_file(path).items()
    }
    save_file(state, path, metadata={"format": "pt"})


def save_adapter(model, folder, entry):
    model.save_pretrained(folder)
    as_bf16(f"{folder}/adapter_model.safetensors", entry)
    for name in os.listdir(folder):
        if name not in ("adapter_config.json", "adapter_model.safetensors"):
            os.remove(f"{folder}/{name}")
    with open(f"{folder}/adapter_config.json") as f:
        config = json.load(f)
    config["base_model_name_or_path"] = "tiny-" + entry.name
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    config = {k: v for k, v in config.items() if v not in (None, {}, [], False) or k == "use_rslora"}
    with open(f"{folder}/adapter_config.json", "w") as f:
        json.dump(config, f, indent=1, sort_keys=True)
        f.write("\n")


def make(entry):
    folder = os.path.join(OUT, entry.name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    torch.manual_seed(zlib.crc32(entry.name.encode()))
    base = entry.cls(entry.config).float().eval()
    fill(entry, base)
    base.save_pretrained(folder)
    as_bf16(f"{folder}/model.safetensors")
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")
    if entry.finish:
        entry.finish(folder)
    again = entry.cls.from_pretrained(folder, dtype=torch.float32, attn_implementation=entry.attention).eval()
    for (k, a), b in zip(base.named_parameters(), again.parameters()):
        assert torch.equal(a, b), k
    if entry.wrap:
        again = entry.wrap(again)
    lora = LoraConfig(
        r=entry.rank, lora_alpha=2 * entry.rank, lora_dropout=0.0, task_type=None, target_modules=entry.targets
    )
    model = get_peft_model(again, lora)
    with torch.no_grad():
        for k, p in model.named_parameters():
            if "lora_" in k:
                p.copy_(bf16(torch.randn_like(p) * 0.3 / p.shape[-1] ** 0.5))
    save_adapter(model, f"{folder}/adapter", entry)
    record(entry, model, token_rows(entry), folder)
    if entry.gguf:
        entry.gguf(folder, f"{folder}/{entry.name}.gguf")
    size = sum(os.path.getsize(p) for p in glob.glob(f"{folder}/**", recursive=True) if os.path.isfile(p))
    print(f"{entry.name:24s} {size / 1024:6.1f} KB")


def main():
    sys.path.insert(0, HERE)
    sys.modules["tiny_models"] = sys.modules["__main__"]
    chosen = sys.argv[1:] or [""]
    for path in sorted(glob.glob(f"{HERE}/tiny_*.py")):
        name = os.path.basename(path)[:-3]
        if name in ("tiny_models", "tiny_gguf", "tiny_encoders"):
            continue
        for entry in getattr(importlib.import_module(name), "MODELS", []):
            if any(entry.name.startswith(c) for c in chosen):
                make(entry)
    with open(f"{OUT}/README.md", "w") as f:
        f.write(
            "Random weights and what transformers and PEFT compute with them, recorded by test/golden/tiny_models.py.\n"
        )


if __name__ == "__main__":
    main()
