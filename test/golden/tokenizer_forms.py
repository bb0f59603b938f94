"""Records every form in which tokenizers come: small vocabularies made here, and large real ones.

    python tokenizer_forms.py SHARED [STEP...]

SHARED is the folder of large reference data; STEPs are those of main(), all when none is given. Writes
test/data/tokenizer/: the small vocabularies (trained on this
repository's own documentation), forms.json, which says what each form is read from, NAME.ids (tokenizer_ids.py) and
NAME.parts: 16 bits a string, over what one normalizer makes of it, or the pieces that one pre-tokenizer cuts it
into, each with a NUL behind it. The strings of the latter are those of tokenizer_cases.py and, for each of the
first two planes' blocks of 256 characters, all its characters with "a" before and "b" behind.
"""

import base64
import io
import json
import struct
import sys
import tempfile
from pathlib import Path

import gguf
import sentencepiece
import tiktoken
from sentencepiece import sentencepiece_model_pb2
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from tokenizer_ids import CASES, DATA, QWEN2, LLAMA3, fnv, record, record_hf

ROOT = DATA.parents[2]
FORMS = []
MARK = "\u2581"


def lines():
    out = []
    for f in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]):
        if f.name != "TOKENIZERS.md":
            out += [s[:400] for s in f.read_text().splitlines() if s.strip()]
    return (
        out
        + [
            "na\u00efve caf\u00e9 Z\u00fcrich \u041f\u0440\u0438\u0432\u0435\u0442 \u4f60\u597d\u4e16\u754c \ufb01ne \u2167 e\u0301 0123456789"
        ]
        * 20
    )


def form(name, what, kind, path, plain=False, ids_only=False, **more):
    FORMS.append(dict(name=name, what=what, kind=kind, path=path, plain=plain, ids_only=ids_only, **more))


def halves(data):
    h = fnv(data)
    return (h ^ h >> 16) & 0xFFFF


# ---- parts ----

BLOCKS = [
    "".join("a" + chr(c) + "b" for c in range(b, b + 256) if not 0xD800 <= c < 0xE000) for b in range(0, 0x20000, 256)
]


def part(name, doc, text):
    values = [halves(text(s)) for s in CASES + BLOCKS]
    (DATA / (name + ".parts")).write_bytes(struct.pack("<%dH" % len(values), *values))
    FORMS.append(dict(name=name, kind="part", **doc))
    print(name, flush=True)


def norm(name, doc):
    n = Tokenizer.from_str(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [],
                "normalizer": doc,
                "model": {"type": "BPE", "vocab": {}, "merges": []},
            }
        )
    ).normalizer
    part(name, {"normalizer": doc}, lambda s: n.normalize_str(s).encode())


def pre(name, doc):
    p = Tokenizer.from_str(
        json.dumps(
            {
                "version": "1.0",
                "added_tokens": [],
                "pre_tokenizer": doc,
                "model": {"type": "BPE", "vocab": {}, "merges": []},
            }
        )
    ).pre_tokenizer
    part(name, {"pre_tokenizer": doc}, lambda s: b"".join(w.encode() + b"\0" for w, _ in p.pre_tokenize_str(s)))


def parts(charsmap):
    for n in ("NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"):
        norm("norm-" + n.lower(), {"type": n})
    norm(
        "norm-bert",
        {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
    )
    norm(
        "norm-bert-cased",
        {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": False,
            "strip_accents": False,
            "lowercase": False,
        },
    )
    norm(
        "norm-several",
        {
            "type": "Sequence",
            "normalizers": [
                {"type": "Strip", "strip_left": True, "strip_right": True},
                {"type": "Replace", "pattern": {"Regex": " {2,}|\\w{5,}"}, "content": "\u2581"},
                {"type": "Replace", "pattern": {"String": "ab"}, "content": ""},
                {"type": "Prepend", "prepend": "_"},
            ],
        },
    )
    norm("norm-precompiled", {"type": "Precompiled", "precompiled_charsmap": charsmap})
    pre("pre-bert", {"type": "BertPreTokenizer"})
    pre("pre-whitespace", {"type": "Whitespace"})
    pre("pre-whitespace-split", {"type": "WhitespaceSplit"})
    pre("pre-delimiter", {"type": "CharDelimiterSplit", "delimiter": "a"})
    pre("pre-digits", {"type": "Digits", "individual_digits": False})
    pre("pre-word", {"type": "Split", "pattern": {"Regex": "\\w+|[^\\w\\s]+"}, "behavior": "Removed", "invert": True})
    for b in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        pre("pre-punctuation-" + b.lower(), {"type": "Punctuation", "behavior": b})
        pre(
            "pre-split-" + b.lower(),
            {"type": "Split", "pattern": {"Regex": "\\s|[0-9a]"}, "behavior": b, "invert": b == "MergedWithPrevious"},
        )
    pre(
        "pre-metaspace",
        {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": True},
            ],
        },
    )


# ---- SentencePiece ----

RULES = """41\t61
42\t62
46 42\t78
46 42 43\t79 7A
FB01\t66 69
2167\t38
9\t20
A\t20
3000\t20
200B\t
65 301\tE9
FF21\t61
2026\t2E 2E 2E
A8\t20 308
"""


def spm(name, what, ids_only, **options):
    out = io.BytesIO()
    rules = Path(tempfile.gettempdir()) / "lorac-rules.tsv"
    rules.write_text(RULES)
    if options.pop("rules", False):
        options["normalization_rule_tsv"] = str(rules)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines()), model_writer=out, vocab_size=600, minloglevel=2, num_threads=1, **options
    )
    m = sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())
    return save_spm(name, what, ids_only, m)


def save_spm(name, what, ids_only, m):
    m.normalizer_spec.ClearField("normalization_rule_tsv")
    data = m.SerializeToString()
    (DATA / (name + ".model")).write_bytes(data)
    sp = sentencepiece.SentencePieceProcessor(model_proto=data)
    record(name, lambda s: sp.encode(s), lambda i: "" if ids_only else sp.decode(i))
    form(name, what, "model", name + ".model", plain=True, ids_only=ids_only)
    return m


def large_spm(name, what, path, shared):
    sp = sentencepiece.SentencePieceProcessor(model_file=str(shared / "tokenizers" / path))
    bytes_too = any(sp.is_byte(i) for i in range(sp.get_piece_size()))
    record(name, lambda s: sp.encode(s), lambda i: sp.decode(i) if bytes_too else "")
    form(name, what, "model", "tokenizers/" + path, plain=True, ids_only=not bytes_too, shared=True)


def t5_gguf(m):
    for p in m.pieces:
        if p.type == 4:
            p.type = 1
    w = gguf.GGUFWriter(DATA / "t5.gguf", "t5")
    w.add_tokenizer_model("t5")
    w.add_tokenizer_pre("default")
    w.add_token_list([p.piece for p in m.pieces])
    w.add_token_scores([p.score for p in m.pieces])
    w.add_token_types([p.type for p in m.pieces])
    w.add_precompiled_charsmap(m.normalizer_spec.precompiled_charsmap)
    w.add_remove_extra_whitespaces(True)
    w.add_add_space_prefix(True)
    w.add_unk_token_id(0)
    w.add_eos_token_id(2)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()
    sp = sentencepiece.SentencePieceProcessor(model_proto=m.SerializeToString())
    record("gguf-t5", lambda s: sp.encode(s), lambda i: "")
    form("gguf-t5", "GGUF, model t5", "gguf", "t5.gguf", plain=True, ids_only=True)
    (DATA / "xlmr.model").write_bytes(m.SerializeToString())  # for tokenizer_classes.py


# ---- the tokenizers library ----


def save_hf(name, what, tok, ids_only=False):
    tok.save(str(DATA / (name + ".json")), pretty=False)
    record_hf(name, tok, ids_only=ids_only)
    form(name, what, "json", name + ".json", ids_only=ids_only)


def wordpiece():
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer = normalizers.BertNormalizer()
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tok.train_from_iterator(
        lines(), trainers.WordPieceTrainer(vocab_size=900, special_tokens=special, show_progress=False)
    )
    tok.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tok.decoder = decoders.WordPiece()
    save_hf("wordpiece", "tokenizer.json, WordPiece (BERT)", tok)
    vocab = sorted(tok.get_vocab().items(), key=lambda x: x[1])
    (DATA / "wordpiece.txt").write_text("".join(w + "\n" for w, _ in vocab))
    record_hf("vocab-txt", tok)
    form("vocab-txt", "vocab.txt", "folder", "", files={"vocab.txt": "wordpiece.txt"})
    w = gguf.GGUFWriter(DATA / "bert.gguf", "bert")
    w.add_tokenizer_model("bert")
    words = [
        t if t.startswith("[") and t.endswith("]") else t[2:] if t.startswith("##") else MARK + t for t, _ in vocab
    ]
    w.add_token_list(words)
    w.add_token_types([3 if t in special else 1 for t, _ in vocab])
    w.add_unk_token_id(1)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.close()
    record_hf("gguf-bert", tok)
    form("gguf-bert", "GGUF, model bert", "gguf", "bert.gguf")


def unigram(charsmap):
    tok = Tokenizer(models.Unigram())
    tok.normalizer = normalizers.Sequence([normalizers.NFKC()])
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.train_from_iterator(
        lines(),
        trainers.UnigramTrainer(
            vocab_size=600, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False
        ),
    )
    tok.decoder = decoders.Metaspace()
    save_hf("unigram", "tokenizer.json, Unigram, Metaspace", tok)
    doc = json.loads(tok.to_str())
    doc["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": charsmap},
            {"type": "Strip", "strip_left": False, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": MARK},
        ],
    }
    doc["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": True},
        ],
    }
    base = len(doc["model"]["vocab"])
    doc["model"]["vocab"] += [["<0x%02X>" % b, -20.0] for b in range(256)]
    doc["model"]["byte_fallback"] = True
    doc["decoder"] = {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": MARK}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ],
    }
    assert base == 600
    save_hf(
        "unigram-bytes",
        "tokenizer.json, Unigram, byte fallback, Precompiled (XLM-R, T5)",
        Tokenizer.from_str(json.dumps(doc)),
        ids_only=True,
    )  # the library gives up whole runs of byte tokens where one of them is broken


def falcon():
    doc = json.loads((DATA / "tiny.json").read_text())
    doc["normalizer"] = None
    doc["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Punctuation", "behavior": "Contiguous"},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            {"type": "Digits", "individual_digits": False},
            {"type": "Split", "pattern": {"Regex": "[0-9][0-9][0-9]"}, "behavior": "Isolated", "invert": False},
        ],
    }
    tok = Tokenizer.from_str(json.dumps(doc))
    record_hf("json-falcon", tok)
    form(
        "json-falcon",
        "tokenizer.json, byte-level BPE cut as Falcon's",
        "patch",
        "tiny.json",
        patch={k: doc[k] for k in ("normalizer", "pre_tokenizer")},
    )


def files(shared):
    doc = json.loads((DATA / "tiny.json").read_text())
    (DATA / "tiny_vocab.json").write_text(json.dumps(doc["model"]["vocab"], ensure_ascii=False))
    (DATA / "tiny_merges.txt").write_text("#version: 0.2\n" + "".join(m + "\n" for m in doc["model"]["merges"]))
    names = {"vocab.json": "tiny_vocab.json", "merges.txt": "tiny_merges.txt"}
    for name, cls, normalizer, steps in (
        ("vocab-gpt2", "GPT2Tokenizer", None, pre_tokenizers.ByteLevel(add_prefix_space=False)),
        (
            "vocab-qwen2",
            "Qwen2TokenizerFast",
            normalizers.NFC(),
            pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Split(Regex(QWEN2), "isolated"),
                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
                ]
            ),
        ),
    ):
        tok = Tokenizer(models.BPE(doc["model"]["vocab"], [tuple(m.split(" ")) for m in doc["model"]["merges"]]))
        if normalizer:
            tok.normalizer = normalizer
        tok.pre_tokenizer = steps
        tok.decoder = decoders.ByteLevel()
        record_hf(name, tok)
        form(
            name,
            "vocab.json and merges.txt (%s)" % cls.replace("Fast", ""),
            "folder",
            "",
            files=names,
            config={"tokenizer_class": cls},
        )
    data = (shared / "tokenizers/small-ci/tiktoken_small.model").read_bytes()
    (DATA / "tiny.tiktoken").write_bytes(data)
    ranks = {base64.b64decode(b): int(i) for b, i in (line.split() for line in data.splitlines())}
    for name, file, pattern in (
        ("tiktoken-llama3", "tokenizer.model", LLAMA3),
        ("tiktoken-qwen", "qwen.tiktoken", QWEN2),
    ):
        enc = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        record(name, lambda s: enc.encode_ordinary(s), lambda i: enc.decode(i))
        form(name, "tiktoken (%s)" % file, "folder", "", plain=True, files={file: "tiny.tiktoken"})


def large(shared):
    t = shared / "tokenizers"
    for name, what in (
        ("bert-base-uncased", "tokenizer.json of bert-base-uncased"),
        ("t5-small", "tokenizer.json of t5-small"),
        ("gpt2", "tokenizer.json of gpt2"),
        ("roberta-base", "tokenizer.json of roberta-base"),
        ("phi-3-mini", "tokenizer.json of Phi-3-mini"),
        ("small-ci", "tokenizer.json of Llama 3's kind"),
    ):
        tok = Tokenizer.from_file(str(t / name / "tokenizer.json"))
        record_hf("large-" + name, tok)
        form("large-" + name, what, "json", "tokenizers/%s/tokenizer.json" % name, shared=True)
    bert = Tokenizer.from_file(str(t / "bert-base-uncased/tokenizer.json"))
    record_hf("large-bert-bge.gguf", bert)
    form(
        "large-bert-bge.gguf",
        "GGUF vocabulary of bge (bert)",
        "gguf",
        "tokenizers/gguf-vocabs/ggml-vocab-bert-bge.gguf",
        shared=True,
    )
    large_spm("large-llama2.model", "tokenizer.model of Llama 2", "llama2/tokenizer.model", shared)
    large_spm("large-mistral-v1.model", "tokenizer.model of Mistral, v1", "mistral/tokenizer.model.v1", shared)
    large_spm(
        "large-mistral-v7.model",
        "tokenizer.model of Mistral, v7",
        "mistral/mistral_instruct_tokenizer_241114.model.v7",
        shared,
    )
    large_spm("large-unigram.model", "a .model of type unigram", "small-ci/m.model", shared)


def sentencepieces():
    m = spm(
        "spm-unigram",
        ".model, unigram, own map, user-defined pieces",
        True,
        model_type="unigram",
        rules=True,
        user_defined_symbols=["<cut>", "<cutter>", "the", "e a", "ABC", MARK * 2],
        control_symbols=["<ctl>"],
    )
    t5_gguf(m)
    as_it_is = dict(
        normalization_rule_name="identity", byte_fallback=True, remove_extra_whitespaces=False, add_dummy_prefix=False
    )
    spm(
        "spm-unigram-bytes",
        ".model, unigram, byte fallback",
        False,
        model_type="unigram",
        **as_it_is,
        user_defined_symbols=["<cut>", MARK * 2, "\n"]
    )
    spm(
        "spm-suffix",
        ".model, unigram, spaces as suffixes",
        True,
        model_type="unigram",
        normalization_rule_name="identity",
        treat_whitespace_as_suffix=True,
    )
    spm(
        "spm-bpe",
        ".model, BPE, own map, user-defined pieces",
        True,
        model_type="bpe",
        rules=True,
        user_defined_symbols=["<cut>", "<cutter>", "the", "e a", "ABC", MARK * 2],
    )
    spm(
        "spm-gemma",
        ".model, BPE, byte fallback (Llama, Mistral, Gemma)",
        False,
        model_type="bpe",
        **as_it_is,
        user_defined_symbols=["<cut>", MARK * 2, MARK * 3, "\n\n", "\n"],
        split_digits=True
    )


def own_map():
    m = sentencepiece_model_pb2.ModelProto.FromString((DATA / "spm-unigram.model").read_bytes())
    return base64.b64encode(m.normalizer_spec.precompiled_charsmap).decode()


def write_forms():
    """What was recorded takes the place of the rows of forms.json with the same names; the others stay."""
    path = DATA / "forms.json"
    known = {f["name"]: f for f in (json.loads(path.read_text()) if path.exists() else [])}
    known.update((f["name"], f) for f in FORMS)
    path.write_text("[\n" + ",\n".join(json.dumps(f, ensure_ascii=False) for f in known.values()) + "\n]\n")


def main():
    shared = Path(sys.argv[1])
    steps = {
        "sentencepiece": sentencepieces,
        "wordpiece": wordpiece,
        "unigram": lambda: unigram(own_map()),
        "falcon": falcon,
        "files": lambda: files(shared),
        "parts": lambda: parts(own_map()),
        "large": lambda: large(shared),
    }
    for name in sys.argv[2:] or steps:
        steps[name]()
    write_forms()


if __name__ == "__main__":
    main()
