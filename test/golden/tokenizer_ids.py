"""Records what the reference implementations make of the strings of tokenizer_cases.py.

    python tokenizer_ids.py SHARED MODEL

SHARED is the folder of large reference data (tokenizers/, models/stories260k/), MODEL SmolLM2's GGUF file.
Writes test/data/tokenizer/: NAME.ids (16 bits a string, little endian: FNV-1a over the ids, each as 32-bit
little endian, and the text that they decode to, its halves xored; "ids_only" variants leave out the text, as
the library
decodes an added token to its normalized spelling, "▁<s>"), and the small vocabularies spm512.gguf and llama512.json.
References: the Rust tokenizers library, and the SentencePiece library for vocabularies with scores.
"""

import json
import struct
import sys
from pathlib import Path

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

import tokenizer_cases

DATA = tokenizer_cases.DATA
CASES = tokenizer_cases.load()
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|", 1)
PATTERNS = {"gpt-2": [GPT2], "smollm": [r"\p{N}", GPT2]}
MARK = "\u2581"


def fnv(data):
    h = 0x811C9DC5
    for b in data:
        h = (h ^ b) * 0x01000193 & 0xFFFFFFFF
    return h


def record(name, encode, decode):
    hashes = []
    for s in CASES:
        ids = encode(s)
        data = struct.pack("<%di" % len(ids), *ids) + decode(ids).encode()
        h = fnv(data)
        hashes.append((h ^ h >> 16) & 0xFFFF)
    (DATA / (name + ".ids")).write_bytes(struct.pack("<%dH" % len(hashes), *hashes))
    print(name, flush=True)


def record_hf(name, tok, plain=False, ids_only=False):
    tok.no_truncation()
    tok.no_padding()
    tok.encode_special_tokens = plain
    record(
        name,
        lambda s: tok.encode(s, add_special_tokens=False).ids,
        lambda ids: "" if ids_only else tok.decode(ids, skip_special_tokens=False),
    )


def byte_level(vocab, merges, patterns, specials, **model):
    """What a GGUF file of model gpt2 means; specials: (text, is special)."""
    tok = Tokenizer(models.BPE(vocab, merges, **model))
    steps = [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns]
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        steps + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tok.decoder = decoders.ByteLevel()
    for text, special in specials:
        add = tok.add_special_tokens if special else tok.add_tokens
        add([AddedToken(text, normalized=False, special=special)])
    return tok


def read_gguf(path):
    fields = gguf.GGUFReader(path).fields
    return {
        k[len("tokenizer.ggml.") :]: f.contents()
        for k, f in fields.items()
        if k.startswith("tokenizer.ggml.")
    }


def from_gguf(path):
    g = read_gguf(path)
    vocab = {t: i for i, t in enumerate(g["tokens"])}
    specials = [(t, k != 4) for t, k in zip(g["tokens"], g["token_type"]) if k in (2, 3, 4)]
    return byte_level(vocab, [tuple(m.split(" ")) for m in g["merges"]], PATTERNS[g["pre"]], specials)


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def chunk(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def sentencepiece_of(tokens, scores, types):
    """The SentencePiece library over these pieces; its model file is a protocol buffer, made by hand."""
    model = b""
    for t, s, k in zip(tokens, scores, types):
        model += chunk(
            1, chunk(1, t.encode()) + varint(2 << 3 | 5) + struct.pack("<f", s) + number(3, int(k))
        )
    model += chunk(
        2, number(3, 2) + number(4, len(tokens)) + number(35, 1)
    )  # BPE, vocab_size, byte_fallback
    # add_dummy_prefix, no remove_extra_whitespaces, escape_whitespaces
    model += chunk(3, chunk(1, b"identity") + number(3, 1) + number(4, 0) + number(5, 1))
    return sentencepiece.SentencePieceProcessor(model_proto=model)


def write_spm512(shared):
    """The vocabulary of stories260K with user-defined pieces, as a GGUF file without tensors."""
    g = read_gguf(shared / "models/stories260k/stories260K.gguf")
    tokens = list(g["tokens"]) + ["<cut>", "<cutter>", "e a", "ime" + MARK]
    scores = [float(s) for s in g["scores"]] + [0.0] * 4
    types = [int(t) for t in g["token_type"]] + [4] * 4
    w = gguf.GGUFWriter(DATA / "spm512.gguf", "llama")
    w.add_tokenizer_model("llama")
    w.add_token_list(tokens)
    w.add_token_scores(scores)
    w.add_token_types(types)
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()
    return [t.replace(" ", MARK) for t in tokens], scores, types


def llama512(tokens, scores, types):
    """The same pieces as a BPE with merges, in the way of Llama 2's tokenizer.json."""
    n = 512
    vocab = {t: i for i, t in enumerate(tokens[:n])}
    merges = []
    for i in sorted((i for i in range(n) if types[i] == 1), key=lambda i: (-scores[i], i)):
        t = tokens[i]
        merges += [(t[:k], t[k:]) for k in range(1, len(t)) if t[:k] in vocab and t[k:] in vocab]
    tok = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    tok.decoder = decoders.Sequence(
        [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tok.add_special_tokens(
        [AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")]
    )
    return tok


def variant(base, patch):
    """The document `base` with members replaced as `patch` says; "model" is merged, not replaced."""
    doc = json.loads((DATA / base).read_text())
    for key, value in patch.items():
        if key == "model":
            doc["model"].update(value)
        else:
            doc[key] = value
    return Tokenizer.from_str(json.dumps(doc))


def qwen25(folder):
    added = json.loads((folder / "tokenizer_config.json").read_text())["added_tokens_decoder"]
    merges = [
        tuple(l.split(" "))
        for l in (folder / "merges.txt").read_text().splitlines()
        if l and not l.startswith("#version")
    ]
    tok = byte_level(
        json.loads((folder / "vocab.json").read_text()),
        merges,
        [QWEN2],
        [(a["content"], a["special"]) for _, a in sorted(added.items(), key=lambda x: int(x[0]))],
    )
    tok.normalizer = normalizers.NFC()
    return tok


def main():
    shared, model = map(Path, sys.argv[1:])
    spm = write_spm512(shared)
    llama512(*spm).save(str(DATA / "llama512.json"), pretty=False)
    sp = sentencepiece_of(*spm)
    record("spm512", lambda s: sp.encode(s), lambda ids: sp.decode(ids))
    for name, v in json.loads((DATA / "variants.json").read_text()).items():
        record_hf(name, variant(v["base"], v["patch"]), v.get("plain", False), v.get("ids_only", False))
    for name in ("gpt2", "roberta-base", "phi-3-mini", "small-ci"):
        record_hf(
            "large-" + name, Tokenizer.from_file(str(shared / "tokenizers" / name / "tokenizer.json"))
        )
    record_hf("large-qwen2.5", qwen25(shared / "tokenizers/qwen2.5"))
    record_hf("large-smollm2", from_gguf(model))
    record_hf("large-gpt-2.gguf", from_gguf(shared / "tokenizers/gguf-vocabs/ggml-vocab-gpt-2.gguf"))
    g = read_gguf(shared / "tokenizers/gguf-vocabs/ggml-vocab-llama-spm.gguf")
    large = sentencepiece_of(g["tokens"], g["scores"], g["token_type"])
    record("large-llama-spm.gguf", lambda s: large.encode(s), lambda ids: large.decode(ids))


if __name__ == "__main__":
    main()
