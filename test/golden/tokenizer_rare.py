"""Records the parts of the tokenizers library that few models have: WordLevel, BPE with a prefix or a suffix (OpenAI
GPT, CLIP), ByteLevel as a normalizer, Metaspace with another mark, UnicodeScripts.

    python tokenizer_rare.py [STEP...]

Writes test/data/tokenizer/: small vocabularies (trained on the strings of tokenizer_cases.py), NAME.ids
(tokenizer_ids.py), NAME.parts (tokenizer_forms.py) and rows of forms.json.
"""

import json
import sys

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tokenizer_forms import norm, pre, save_hf, write_forms
from tokenizer_ids import CASES, DATA

SHORT = [s for s in CASES if len(s) < 1000 and "<|" not in s and "\0" not in s]
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def reread(name, what, tok, model, ids_only=False):
    """Saved with members of the model replaced: what the trainer leaves out."""
    doc = json.loads(tok.to_str())
    doc["model"].update(model)
    save_hf(name, what, Tokenizer.from_str(json.dumps(doc)), ids_only=ids_only)


def wordlevel():
    tok = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tok.normalizer = normalizers.Lowercase()
    tok.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[UNK]", "[PAD]", "<s>"]
    tok.train_from_iterator(
        SHORT, trainers.WordLevelTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    )
    save_hf("wordlevel", "tokenizer.json, WordLevel", tok)


def bpe(**more):
    options = dict(vocab_size=700, show_progress=False, limit_alphabet=180)
    options.update(more)
    if "initial_alphabet" in more:
        del options["limit_alphabet"]
    return trainers.BpeTrainer(**options)


def suffix():
    tok = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tok.normalizer = normalizers.BertNormalizer(lowercase=True)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.decoder = decoders.BPEDecoder("</w>")
    tok.train_from_iterator(SHORT, bpe(special_tokens=["<unk>"], end_of_word_suffix="</w>"))
    reread("bpe-suffix", "tokenizer.json, BPE with a suffix (OpenAI GPT)", tok, {"dropout": 0.0})


def prefix():
    tok = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##", fuse_unk=True))
    tok.pre_tokenizer = pre_tokenizers.Whitespace()
    tok.decoder = decoders.WordPiece("##", cleanup=False)
    tok.train_from_iterator(SHORT, bpe(special_tokens=["[UNK]"], continuing_subword_prefix="##"))
    reread("bpe-prefix", "tokenizer.json, BPE with a prefix", tok, {"fuse_unk": True, "ignore_merges": True})


def clip():
    tok = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tok.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tok.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tok.train_from_iterator(
        SHORT,
        bpe(
            special_tokens=["<|startoftext|>", "<|endoftext|>"],
            end_of_word_suffix="</w>",
            initial_alphabet=alphabet,
        ),
    )
    save_hf("bpe-clip", "tokenizer.json, byte-level BPE with a suffix (CLIP)", tok)


def letters():
    tok = Tokenizer(models.BPE())
    tok.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.ByteLevel()])
    tok.pre_tokenizer = pre_tokenizers.Split(Regex("\u0120?[a-z]+|\u0120+"), "isolated")
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(SHORT, bpe(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>"]))
    save_hf("bpe-letters", "tokenizer.json, BPE of bytes written by the normalizer", tok)


def mark():
    tok = Tokenizer(models.Unigram())
    tok.pre_tokenizer = pre_tokenizers.Metaspace("_", prepend_scheme="first")
    tok.decoder = decoders.Metaspace("_", prepend_scheme="first")
    tok.train_from_iterator(
        [s for s in SHORT if s.isascii()],
        trainers.UnigramTrainer(
            vocab_size=400, special_tokens=["<unk>", "<s>"], unk_token="<unk>", show_progress=False
        ),
    )
    save_hf("unigram-mark", "tokenizer.json, Unigram, Metaspace with another mark", tok)


def parts():
    norm("norm-bytelevel", {"type": "ByteLevel"})
    pre("pre-scripts", {"type": "UnicodeScripts"})
    pre("pre-mark", {"type": "Metaspace", "replacement": "\u00e9", "prepend_scheme": "first", "split": False})


def main():
    steps = dict(
        wordlevel=wordlevel, suffix=suffix, prefix=prefix, clip=clip, letters=letters, mark=mark, parts=parts
    )
    for step in sys.argv[1:] or steps:
        steps[step]()
    write_forms()


if __name__ == "__main__":
    main()
