"""Records what transformers + PEFT compute for tiny random models of an encoder and a decoder, with a LoRA adapter.

    python3 test/golden/tiny_seq2seq.py [NAME ...]      all of them, or those whose names begin so

Writes test/data/model/seq2seq/NAME/:

    config.json, model.safetensors    the model as its class saves it, weights in bf16
    adapter/                          the adapter as PEFT saves it for SEQ_2_SEQ_LM, in bf16
    golden.json                       rows of ids for the encoder and of labels, the loss, ten optimizer losses, greedy
                                      continuations
    golden.safetensors                logits of row 0, cross entropies of all labels, every gradient, computed in f64
    NAME.gguf                         the same model with that format's names, where the entry says so

Run with torch, transformers, peft, safetensors, numpy and gguf installed.
"""

import json, os, shutil, zlib
import numpy as np, torch
import transformers as t
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

import tiny_models
from recording import make_chosen, ten_steps, write_golden
from tiny_gguf import Seq2SeqWriter
from tiny_models import VOCAB, as_bf16, bf16, fill

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "data", "model", "seq2seq")
EOS = 1


def config(cls, **more):
    usual = dict(
        vocab_size=VOCAB,
        d_model=32,
        d_kv=6,
        d_ff=40,
        num_layers=2,
        num_decoder_layers=3,
        num_heads=4,
        relative_attention_num_buckets=8,
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=EOS,
        decoder_start_token_id=0,
    )
    return cls(**{**usual, **more})


def bart(cls, **more):
    usual = dict(
        vocab_size=VOCAB,
        d_model=32,
        encoder_layers=2,
        decoder_layers=3,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=40,
        decoder_ffn_dim=40,
        max_position_embeddings=32,
        dropout=0.0,
        attention_dropout=0.0,
        pad_token_id=0,
        bos_token_id=3,
        eos_token_id=EOS,
        forced_eos_token_id=None,
        attn_implementation="eager",
    )
    return cls(**{**usual, **more})


ALL = ["q", "k", "v", "o", "wi_0", "wi_1", "wo"]
# name, class, configuration, targets, whether the head is a matrix of its own, and whether there is a GGUF file, which
# cannot say how far biases reach
ENTRIES = [
    ("t5", t.T5ForConditionalGeneration, config(t.T5Config), ["q", "v"], False, True),
    ("t5-gated", t.T5ForConditionalGeneration, config(t.T5Config, feed_forward_proj="gated-gelu"), ALL, True, True),
    (
        "mt5",
        t.MT5ForConditionalGeneration,
        config(t.MT5Config, feed_forward_proj="gated-gelu", num_decoder_layers=1, relative_attention_max_distance=12),
        ["q", "v"],
        True,
        False,
    ),
    (
        "bart",
        t.BartForConditionalGeneration,
        bart(t.BartConfig, decoder_start_token_id=EOS),
        ["q_proj", "v_proj"],
        False,
        False,
    ),
    (
        "pegasus",
        t.PegasusForConditionalGeneration,
        bart(t.PegasusConfig, decoder_start_token_id=0, scale_embedding=True, activation_function="relu"),
        ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"],
        False,
        False,
    ),
]


def numbers(name, p):
    """Scores are not scaled, so q is small; biases tell distances apart."""
    if "norm" in name and p.dim() == 1 and "layer_norm.weight" not in name or name.endswith(".bias"):
        return 0.2 * torch.randn_like(p) + (1 if name.endswith("weight") else 0)
    if name == "model.shared.weight":
        return 0.2 * torch.randn_like(p)  # little enough for the rest to turn a token into another
    if "embed_positions" in name:
        return p if not p.requires_grad else 0.5 * torch.randn_like(p)
    if "relative_attention_bias" in name:
        return torch.randn_like(p)
    if name.endswith("layer_norm.weight"):
        return 1 + 0.2 * torch.randn_like(p)
    if name.endswith(".q.weight"):
        return torch.randn_like(p) * 0.6 / p.shape[-1] ** 0.5
    return torch.randn_like(p) * (1.0 if "shared" in name else 1.5 / p.shape[-1] ** 0.5)


def rows():
    rng = np.random.default_rng(4)
    ids = lambda n: rng.integers(3, VOCAB, n).tolist() + [EOS]
    return [{"source": ids(s), "labels": ids(n)} for s, n in ((7, 9), (1, 1), (25, 4), (3, 21), (12, 6), (4, 0))]


def losses(model, data):
    """Cross entropy of every label, row after row, and the logits of row 0."""
    ce, first = [], None
    for r in data:
        labels = torch.tensor([r["labels"]])
        logits = model(input_ids=torch.tensor([r["source"]]), labels=labels).logits[0]
        first = logits if first is None else first
        ce.append(torch.nn.functional.cross_entropy(logits, labels[0], reduction="none"))
    return torch.cat(ce), first


def record(model, data, folder):
    ce, logits = losses(model, data)
    ce.mean().backward()
    params = {k.replace(".default", ""): p for k, p in model.named_parameters() if p.requires_grad}
    kept = {"grad." + k: p.grad for k, p in params.items()}
    kept["logits"], kept["cross_entropy"] = logits, ce
    save_file({k: x.detach().clone().float().contiguous() for k, x in kept.items()}, f"{folder}/golden.safetensors")
    golden = {"rows": data, "loss": float(ce.detach().mean()), "generated": []}
    for r in data[:4]:
        how = dict(
            max_new_tokens=14, do_sample=False, use_cache=False
        )  # its cache has the encoder's number of layers
        with torch.no_grad():
            new = model.generate(input_ids=torch.tensor([r["source"]]), **how)
        golden["generated"].append(new[0, 1:].tolist())
    golden["train"] = ten_steps(list(params.values()), lambda: losses(model, data)[0].mean())
    write_golden(golden, f"{folder}/golden.json")


def save_config(folder, own_head):
    """As the published models have it: those with a head of their own say that nothing is tied."""
    with open(f"{folder}/config.json") as f:
        c = json.load(f)
    c["tie_word_embeddings"] = not own_head
    c.pop("scale_decoder_outputs", None)
    with open(f"{folder}/config.json", "w") as f:
        json.dump(c, f, indent=2, sort_keys=True)
        f.write("\n")
    if "t5" in c["model_type"] and os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")


def make(name, cls, config, targets, own_head, writes_gguf):
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    torch.manual_seed(zlib.crc32(name.encode()))
    config.tie_word_embeddings = not own_head
    base = cls(config).float().eval()
    if name == "bart":
        base.generation_config.forced_bos_token_id = 3  # as those that summarize have it
    if hasattr(base, "shared"):
        base.encoder.embed_tokens.weight = base.decoder.embed_tokens.weight = base.shared.weight
    if own_head:
        base.lm_head.weight = torch.nn.Parameter(torch.empty_like(base.lm_head.weight))
    entry = tiny_models.Model(name, cls, config, targets, init=numbers)
    fill(entry, base)
    base.save_pretrained(folder)
    as_bf16(f"{folder}/model.safetensors")
    save_config(folder, own_head)
    if name == "pegasus":  # as newer files have it
        kept = load_file(f"{folder}/model.safetensors")
        save_file({k: x for k, x in kept.items() if "embed_positions" not in k}, f"{folder}/model.safetensors")
    model = cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    for (k, a), b in zip(base.named_parameters(), model.parameters()):
        assert torch.equal(a, b) or (name == "pegasus" and "embed_positions" in k), k
    shared = model.get_input_embeddings().weight
    assert (model.lm_head.weight.data_ptr() != shared.data_ptr()) == own_head
    assert getattr(model.config, "scale_decoder_outputs", not own_head) == (not own_head)
    lora = LoraConfig(r=2, lora_alpha=4, lora_dropout=0.0, target_modules=targets, task_type="SEQ_2_SEQ_LM")
    model = get_peft_model(model, lora).eval()
    with torch.no_grad():
        for k, p in model.named_parameters():
            if "lora_" in k:
                p.copy_(bf16(torch.randn_like(p) * 0.3 / p.shape[-1] ** 0.5))
    tiny_models.save_adapter(model, f"{folder}/adapter", entry)
    record(model.double(), rows(), folder)
    if writes_gguf:
        Seq2SeqWriter("t5")(folder, f"{folder}/{name}.gguf")
    print(name)


if __name__ == "__main__":
    make_chosen(
        ENTRIES,
        make,
        OUT,
        "Random models of an encoder and a decoder and what transformers and PEFT compute with them, recorded by "
        "test/golden/tiny_seq2seq.py.\n",
    )
