"""Records the numbering of pieces that transformers' own classes give to the .model files of XLM-R and T5, .model
files whose special pieces have other names and numbers than usual, and large real vocabularies in files without a
tokenizer.json: vocab.json with merges.txt, vocab.txt, and tiktoken's (GPT-2's ranks as tiktoken itself takes them
from these files; Qwen's, whose ids are its ranks).

    python tokenizer_classes.py SHARED [STEP...]

Wants transformers 4 (4.57.3 was used), the last with the classes that were made with the models and call the
sentencepiece library; those of transformers 5 convert the pieces to another library and cut text another way.
Writes test/data/tokenizer/: t5.model and named-*.model, trained here; NAME.ids (tokenizer_ids.py) and rows of
forms.json, in which `tokens` are the ids of BOS, EOS, UNK and PAD. SHARED is the folder of large reference data; STEPs
are those of main(), all when none is given.
"""

import io
import json
import shutil
import sys
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from transformers import (
    BertTokenizerFast,
    GPT2TokenizerFast,
    Qwen2TokenizerFast,
    RobertaTokenizerFast,
    T5Tokenizer,
    XLMRobertaTokenizer,
)
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

from tokenizer_forms import FORMS, RULES, lines, write_forms
from tokenizer_ids import DATA, GPT2, QWEN2, record, record_hf


def train(name, **options):
    out, rules = io.BytesIO(), Path(tempfile.mkdtemp()) / "rules.tsv"
    rules.write_text(RULES)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines()),
        model_writer=out,
        vocab_size=600,
        minloglevel=2,
        num_threads=1,
        normalization_rule_tsv=str(rules),
        **options,
    )
    m = sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())
    m.normalizer_spec.ClearField("normalization_rule_tsv")
    (DATA / (name + ".model")).write_bytes(m.SerializeToString())


def of_class(name, what, cls, model, file, config, **options):
    """The class over a folder with this file alone; special tokens are looked for in the text, or not."""
    folder = Path(tempfile.mkdtemp())
    shutil.copy(DATA / model, folder / file)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    tok = cls.from_pretrained(folder, **options)
    for plain in (True, False):
        own = name + ("" if plain else "-special")
        record(own, lambda s: tok.encode(s, add_special_tokens=False, split_special_tokens=plain), lambda i: "")
        FORMS.append(
            dict(
                name=own,
                what=what + ("" if plain else ", special tokens in the text"),
                kind="folder",
                path="",
                plain=plain,
                ids_only=True,
                files={file: model},
                config=config,
                tokens=[
                    -1 if i is None else i
                    for i in (tok.bos_token_id, tok.eos_token_id, tok.unk_token_id, tok.pad_token_id)
                ],
                size=len(tok),
            )
        )


def named(name, what, **options):
    train(name, **options)
    sp = sentencepiece.SentencePieceProcessor(model_file=str(DATA / (name + ".model")))
    record(name, lambda s: sp.encode(s), lambda i: "")
    FORMS.append(
        dict(
            name=name,
            what=what,
            kind="model",
            path=name + ".model",
            plain=True,
            ids_only=True,
            tokens=[sp.bos_id(), sp.eos_id(), sp.unk_id(), sp.pad_id()],
            size=sp.get_piece_size(),
        )
    )


def models():
    of_class(
        "xlmr",
        "XLM-R's sentencepiece.bpe.model (XLMRobertaTokenizer)",
        XLMRobertaTokenizer,
        "xlmr.model",
        "sentencepiece.bpe.model",
        {"tokenizer_class": "XLMRobertaTokenizer"},
    )
    train("t5", model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    of_class(
        "t5",
        "T5's spiece.model (T5Tokenizer)",
        T5Tokenizer,
        "t5.model",
        "spiece.model",
        {"tokenizer_class": "T5Tokenizer", "extra_ids": 5},
        legacy=True,
    )
    names = dict(bos_piece="<begin>", eos_piece="<end>", unk_piece="<what>", pad_piece="<fill>")
    named(
        "named-unigram",
        ".model, unigram, other names and numbers of special pieces",
        model_type="unigram",
        pad_id=0,
        unk_id=1,
        eos_id=2,
        bos_id=3,
        **names,
    )
    named(
        "named-bpe",
        ".model, BPE, other names of special pieces, no EOS",
        model_type="bpe",
        unk_id=0,
        bos_id=1,
        eos_id=-1,
        pad_id=2,
        user_defined_symbols=["</s>", "<pad>"],
        **names,
    )


def deberta():
    """Pieces as the SentencePiece library itself cuts them, which DeBERTa's class calls; [MASK] comes behind them."""
    train(
        "deberta",
        model_type="unigram",
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        pad_piece="[PAD]",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        unk_piece="[UNK]",
    )
    sp = sentencepiece.SentencePieceProcessor(model_file=str(DATA / "deberta.model"))
    record("deberta", lambda s: sp.encode(s), lambda i: "")
    FORMS.append(
        dict(
            name="deberta",
            what="DeBERTa's spm.model (SentencePiece)",
            kind="folder",
            path="",
            plain=True,
            ids_only=True,
            files={"spm.model": "deberta.model"},
            config={"tokenizer_class": "DebertaV2Tokenizer", "do_lower_case": False},
            tokens=[1, 2, 3, 0],
            size=601,
        )
    )


def large_folder(name, what, cls, shared, files, config=None):
    folder = Path(tempfile.mkdtemp())
    for own, path in files.items():
        shutil.copy(shared / path, folder / own)
    if config:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    record_hf(name, cls.from_pretrained(folder).backend_tokenizer)
    more = dict(config=config) if config else {}
    FORMS.append(dict(name=name, what=what, kind="folder", path="", files=files, shared=True, **more))


def large_tiktoken(name, what, shared, file, path, pattern, ranks):
    enc = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    record(name, lambda s: enc.encode_ordinary(s), lambda i: enc.decode(i))
    FORMS.append(
        dict(
            name=name, what=what, kind="tiktoken", path=path, file=file, tokens_in=len(ranks), plain=True, shared=True
        )
    )


def vocabularies(shared):
    t = "tokenizers/"
    large_folder(
        "large-vocab-gpt2",
        "vocab.json and merges.txt of gpt2 (GPT2Tokenizer)",
        GPT2TokenizerFast,
        shared,
        {"vocab.json": t + "gpt2/vocab.json", "merges.txt": t + "gpt2/vocab.bpe"},
        {"tokenizer_class": "GPT2Tokenizer"},
    )
    large_folder(
        "large-vocab-roberta",
        "vocab.json and merges.txt of roberta-base (RobertaTokenizer)",
        RobertaTokenizerFast,
        shared,
        {f: t + "roberta-base/" + f for f in ("vocab.json", "merges.txt")},
        {"tokenizer_class": "RobertaTokenizer"},
    )
    large_folder(
        "large-vocab-qwen2.5",
        "vocab.json, merges.txt and tokenizer_config.json of Qwen2.5 (Qwen2Tokenizer)",
        Qwen2TokenizerFast,
        shared,
        {f: t + "qwen2.5/" + f for f in ("vocab.json", "merges.txt", "tokenizer_config.json")},
    )
    large_folder(
        "large-vocab-bert",
        "vocab.txt and tokenizer_config.json of bert-base-uncased (DistilBertTokenizer)",
        BertTokenizerFast,
        shared,
        {f: t + "bert-base-uncased/" + f for f in ("vocab.txt", "tokenizer_config.json")},
    )
    gpt2, qwen = shared / t / "gpt2", shared / t / "qwen2.5/vocab.json"
    ranks = data_gym_to_mergeable_bpe_ranks(str(gpt2 / "vocab.bpe"), str(gpt2 / "vocab.json"))
    large_tiktoken(
        "large-tiktoken-r50k",
        "tiktoken (r50k_base.tiktoken), GPT-2's 50,256 tokens",
        shared,
        "r50k_base.tiktoken",
        t + "gpt2/vocab.json",
        GPT2,
        ranks,
    )
    letters = {v: k for k, v in bytes_to_unicode().items()}
    large_tiktoken(
        "large-tiktoken-qwen",
        "tiktoken (qwen.tiktoken), Qwen's 151,643 tokens",
        shared,
        "qwen.tiktoken",
        t + "qwen2.5/vocab.json",
        QWEN2,
        {bytes(letters[c] for c in w): i for w, i in json.loads(qwen.read_text()).items()},
    )


def main():
    shared = Path(sys.argv[1])
    steps = {"models": models, "deberta": deberta, "vocabularies": lambda: vocabularies(shared)}
    for step in sys.argv[2:] or steps:
        steps[step]()
    write_forms()


if __name__ == "__main__":
    main()
