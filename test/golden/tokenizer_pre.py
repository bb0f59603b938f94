"""Records what text becomes under every value of tokenizer.ggml.pre that lorac reads.

    python tokenizer_pre.py

Writes test/data/tokenizer/: whole.json, a byte-level BPE trained on the strings of tokenizer_cases.py without cutting
them, so that its merges lie across every place where one of the splitters cuts and another does not; one merge in
seven is left out though its token stays, so that `ignore_merges` shows; and pre-NAME.ids, with the rows of forms.json.

References: the `tokenizers` library, cut as the models' own classes in transformers say (GPT2Tokenizer,
RobertaTokenizer, GPTNeoXTokenizer, CohereTokenizer) or transformers' reader of GGUF files does; Falcon's and "default"
as written below. None of it normalizes, as llama.cpp does not.
"""

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import CohereTokenizer, GPT2Tokenizer, GPTNeoXTokenizer, RobertaTokenizer
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

from tokenizer_ids import CASES, DATA, GPT2, record_hf

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def train():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=1800,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=16,
        show_progress=False,
    )
    tok.train_from_iterator((s for s in CASES if len(s) < 1000 and not any(x in s for x in SPECIALS)), trainer)
    model = json.loads(tok.to_str())["model"]
    merges = [m for i, m in enumerate(model["merges"]) if i % 7 != 6]
    n = len(model["vocab"])
    doc = {
        "added_tokens": [
            {"id": n + i, "content": s, "special": True, "normalized": False} for i, s in enumerate(SPECIALS)
        ],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False, "trim_offsets": True},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": model["vocab"], "merges": [" ".join(m) for m in merges]},
    }
    (DATA / "whole.json").write_text(json.dumps(doc, ensure_ascii=False, separators=(",", ":")) + "\n")
    return model["vocab"], [tuple(m) for m in merges]


def split(*steps):
    """Patterns, or parts, and last the bytes as letters."""
    steps = [pre_tokenizers.Split(Regex(s), "isolated") if isinstance(s, str) else s for s in steps]
    return pre_tokenizers.Sequence(steps + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def known(*names):
    """The splitting that transformers' reader of GGUF files knows for all of these values."""
    patterns = {GGUF_PRE_TOKENIZER_SPLITS[n] for n in names}
    assert len(patterns) == 1
    return split(patterns.pop())


def of_class(cls, vocab, merges):
    return cls(vocab=vocab, merges=merges).backend_tokenizer.pre_tokenizer


def main():
    vocab, merges = train()
    gpt2 = of_class(GPT2Tokenizer, vocab, merges)
    for cls in (RobertaTokenizer, GPTNeoXTokenizer):
        assert all(
            of_class(cls, vocab, merges).pre_tokenize_str(s) == gpt2.pre_tokenize_str(s)
            for s in CASES
            if len(s) < 1000
        )
    falcon = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Punctuation("contiguous"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            pre_tokenizers.Digits(individual_digits=False),
            pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated"),
        ]
    )
    default = split(r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]")
    groups = {
        "gpt-2": (gpt2, False, "phi-2 jina-es jina-de jina-v2-es jina-v2-de"),
        "roberta-bpe": (gpt2, False, "jina-v1-en jina-v2-code"),
        "gpt-neox": (gpt2, False, "olmo mpt"),
        "smollm": (of_class(CohereTokenizer, vocab, merges), False, "starcoder refact command-r codeshell exaone"),
        "qwen2": (known("qwen2", "deepseek-r1-qwen"), False, "stablelm2 deepseek-r1-qwen"),
        "llama-bpe": (
            known("llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"),
            True,
            "llama3 llama-v3 falcon3 pixtral",
        ),
        "dbrx": (known("dbrx", "smaug-bpe"), False, "smaug-bpe"),
        "tekken": (known("tekken"), True, ""),
        "gpt-4o": (known("gpt-4o", "llama4"), False, "llama4"),
        "falcon": (falcon, False, ""),
        "default": (default, False, ""),
    }
    forms, recorded = [], {}
    for name, (pre, ignore_merges, others) in groups.items():
        values = [name, *others.split()]
        same = recorded.setdefault((id(pre), ignore_merges), name)
        forms.append(
            dict(
                name="pre-" + name,
                what="GGUF, pre " + ", ".join(values),
                kind="pre",
                ids="pre-" + same,
                values=values,
            )
        )
        if same != name:
            continue
        tok = Tokenizer(models.BPE(vocab, merges, ignore_merges=ignore_merges))
        tok.pre_tokenizer = pre
        tok.decoder = decoders.ByteLevel()
        tok.add_special_tokens([AddedToken(s, normalized=False, special=True) for s in SPECIALS])
        record_hf("pre-" + name, tok)
    path = DATA / "forms.json"
    old = [f for f in json.loads(path.read_text()) if f["kind"] != "pre"]
    path.write_text("[\n" + ",\n".join(json.dumps(f, ensure_ascii=False) for f in old + forms) + "\n]\n")


if __name__ == "__main__":
    main()
