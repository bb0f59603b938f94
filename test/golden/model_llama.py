"""Records what transformers + PEFT compute for a random tiny Llama with a LoRA adapter, over f32 and over NF4 weights.

Writes test/data/model/tiny-llama/: the model (config.json, model.safetensors), a PEFT adapter whose A and B are both
random, and for each of f32 and nf4 a JSON of token rows, logits, cross entropies, the first gradients' norms, ten
optimizer losses and greedy continuations, with the gradients themselves in a safetensors file.

The NF4 weights are quantized here, in numpy, by the published rule (blocks of 64 over the flat tensor, thresholds at
the midpoints, 8-bit absmax against the dynamic map by exact nearest), so that the reference shares no code with lorac.

Run with torch, transformers, peft, safetensors and numpy installed:  python3 test/golden/model_llama.py
"""
import json, os, shutil
import numpy as np, torch
from safetensors.torch import save_file, load_file
from transformers import LlamaConfig, LlamaForCausalLM
from peft import LoraConfig, PeftModel, get_peft_model

from recording import ten_steps

OUT = os.path.join(os.path.dirname(__file__), "..", "data", "model", "tiny-llama")
VOCAB, EOS = 64, 2
torch.manual_seed(7)
torch.set_num_threads(1)

NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
                0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                0.7229568362236023, 1.0], dtype=np.float32)


def dynamic_map():
    values = [0.0, 1.0]
    for e in range(7):
        edges = np.linspace(0.1, 1, 2 ** e + 1, dtype=np.float32)
        mids = (edges[:-1] + edges[1:]) / np.float32(2)
        values += list(np.float32(10.0 ** (e - 6)) * mids) + list(-np.float32(10.0 ** (e - 6)) * mids)
    return np.sort(np.array(values, dtype=np.float32))


def nearest(table, x):
    mids = (table[:-1] + table[1:]) * np.float32(0.5)
    return (x[..., None] > mids).sum(-1)


def nf4_roundtrip(w):
    x = w.astype(np.float32).ravel()
    n = x.size
    blocks = -(-n // 64)
    padded = np.zeros(blocks * 64, np.float32)
    padded[:n] = x
    b = padded.reshape(blocks, 64)
    absmax = np.abs(b).max(1)
    inv = np.float32(1) / np.where(absmax > 0, absmax, 1).astype(np.float32)
    codes = nearest(NF4, b * inv[:, None])
    offset = np.float32(absmax.astype(np.float64).mean())
    z = absmax - offset
    table = dynamic_map()
    out = np.empty_like(absmax)
    for g in range(0, blocks, 256):
        s = np.abs(z[g:g + 256]).max()
        q = nearest(table, z[g:g + 256] * (np.float32(1) / s) if s > 0 else z[g:g + 256])
        out[g:g + 256] = table[q] * s + offset
    return (NF4[codes] * out[:, None]).ravel()[:n].reshape(w.shape)


def rows():
    rng = np.random.default_rng(3)
    out = []
    for prompt, completion in [(5, 4), (1, 9), (12, 1), (3, 17), (7, 6)]:
        ids = rng.integers(3, VOCAB, prompt + completion).tolist() + [EOS]
        out.append({"ids": ids, "labels": [0] * prompt + [1] * (completion + 1)})
    return out


def losses(model, data):
    """Cross entropy of every label, row after row, and the logits of row 0."""
    ce, first = [], None
    for r in data:
        ids = torch.tensor([r["ids"]])
        logits = model(ids).logits[0]
        first = logits if first is None else first
        c = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="none")
        ce.append(c[torch.tensor(r["labels"][1:]) > 0])
    return torch.cat(ce), first


def record(name, model, data):
    for p in model.parameters():
        p.grad = None
    ce, logits = losses(model, data)
    ce.mean().backward()
    params = {k: p for k, p in model.named_parameters() if p.requires_grad}
    grads = {k.replace(".default", ""): p.grad.clone().contiguous() for k, p in params.items()}
    save_file(grads, f"{OUT}/grads_{name}.safetensors")
    golden = {"rows": data, "logits_row0": [[round(float(v), 7) for v in l] for l in logits.detach()],
              "cross_entropy": ce.detach().tolist(), "loss": float(ce.mean())}
    with torch.no_grad():
        golden["generated"] = []
        for r in data[:3]:
            n = r["labels"].index(1)
            g = model.generate(torch.tensor([r["ids"][:n]]), max_new_tokens=12, do_sample=False, pad_token_id=EOS,
                               attention_mask=torch.ones(1, n, dtype=torch.long))
            golden["generated"].append({"prompt": r["ids"][:n], "new": g[0, n:].tolist()})
    golden["train"] = ten_steps(list(params.values()), lambda: losses(model, data)[0].mean())
    with open(f"{OUT}/golden_{name}.json", "w") as f:
        json.dump(golden, f, separators=(",", ":"))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    config = LlamaConfig(vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                         num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
                         rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False, bos_token_id=1,
                         eos_token_id=EOS, attn_implementation="eager")
    base = LlamaForCausalLM(config).float()
    with torch.no_grad():
        for k, p in base.named_parameters():
            if "norm" in k:
                p.copy_(1 + 0.2 * torch.randn_like(p))
            else:
                p.copy_(torch.randn_like(p) * (1.0 if "embed" in k else 1.5 / p.shape[-1] ** 0.5))
    base.save_pretrained(OUT)
    state = {k: v.clone() for k, v in base.state_dict().items()}
    lora = LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, task_type="CAUSAL_LM",
                      target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    model = get_peft_model(base, lora)
    with torch.no_grad():
        for k, p in model.named_parameters():
            if "lora_" in k:
                p.copy_(torch.randn_like(p) * 0.3 / p.shape[-1] ** 0.5)
    model.save_pretrained(f"{OUT}/adapter")
    data = rows()
    for name in ("f32", "nf4"):
        again = LlamaForCausalLM(config).float()
        weights = {k: torch.from_numpy(nf4_roundtrip(v.numpy())) if name == "nf4" and ".layers." in k and v.ndim == 2
                   else v for k, v in state.items()}
        again.load_state_dict(weights)
        record(name, PeftModel.from_pretrained(again, f"{OUT}/adapter", is_trainable=True), data)
    if os.path.exists(f"{OUT}/adapter/README.md"):
        os.remove(f"{OUT}/adapter/README.md")
    config_path = f"{OUT}/adapter/adapter_config.json"
    with open(config_path) as f:
        adapter = json.load(f)
    adapter["base_model_name_or_path"] = "tiny-llama"
    adapter["target_modules"].sort()
    with open(config_path, "w") as f:
        json.dump(adapter, f, indent=2, sort_keys=True)
    with open(f"{OUT}/README.md", "w") as f:
        f.write("Random weights and what transformers and PEFT compute with them, recorded by test/golden/model_llama.py.\n")


main()
