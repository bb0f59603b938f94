"""Records what transformers + PEFT compute for the tiny models with dropout of the base, under this program's masks.

    python3 test/golden/tiny_dropout.py [NAME ...]      all of them, or those whose names begin so

torch.nn.functional.dropout, which nn.Dropout and the eager attentions call, is replaced by one that draws from the
generator of src/base/rng.h: the n-th place of a forward has a stream of its own, an element is its row in the
micro-batch and its column (of probabilities: row * heads + head, and the key). So both sides drop the same numbers.

Weights and adapters are those that tiny_models.py, tiny_encoders.py and tiny_seq2seq.py made. Writes
test/data/model/dropout/NAME/:

    config.json           that of the tiny model, with dropout
    golden.json           where the model lies, its rows as one micro-batch, the loss and ten optimizer losses, each
                          step with a key of its own
    golden.safetensors    the gradients of the first step, computed in f64

Run with torch, transformers, peft, safetensors and numpy installed.
"""

import json, os, shutil, sys, tempfile
import numpy as np, torch
import transformers as t
from peft import PeftModel
from safetensors.torch import save_file

import tiny_encoders, tiny_models, tiny_seq2seq
from tiny_encoders import plain

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data", "model")
PLACES = 1 << 30  # DROPOUT_PLACES
SEED = 9
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def rng_key(seed, stream):
    return mix(np.uint64(seed) * GOLDEN + mix(np.uint64(stream) + GOLDEN))


def rng_unit(key, index):
    return (mix(key + (index + np.uint64(1)) * GOLDEN) >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Masks:
    """Which rows of the micro-batch the module that runs now works on: what the masks depend on.

    first: the row's first token, source token and label. on: the kind of rows, "tokens", "source" or "labels".
    labelled: of a classifier of words, the label that each token of the row carries (any where it carries none).
    """

    def __init__(self):
        self.key, self.place, self.on = 0, 0, "tokens"
        self.first, self.labelled = {}, None

    def rows(self, n):
        if self.on == "labels" and self.labelled is not None:
            return self.first["labels"] + np.array(self.labelled)
        return self.first[self.on] + np.arange(n)

    def dropout(self, x, p=0.5, training=True, inplace=False):
        if not training or p == 0:
            return x
        key = rng_key(self.key, PLACES + self.place)
        self.place += 1
        if x.ndim == 4:
            _, heads, queries, keys = x.shape
            row = (self.rows(queries)[None, :, None] * heads + np.arange(heads)[:, None, None]).astype(np.uint64)
            column = np.arange(keys).astype(np.uint64)
        else:
            width = x.shape[-1]
            row = self.rows(x.numel() // width)[:, None].astype(np.uint64)
            column = np.arange(width).astype(np.uint64)
        u = rng_unit(key, row << np.uint64(32) | column)
        return x * torch.from_numpy(np.where(u < p, 0.0, 1 / (1 - p))).to(x.dtype).reshape(x.shape)


MASKS = Masks()
torch.nn.functional.dropout = MASKS.dropout


class Rows(list):
    """Rows that tell MASKS where they stand in the micro-batch as they are gone through."""

    def __init__(self, rows, counts, key):
        super().__init__(rows)
        self.counts, self.key = counts, key

    def __iter__(self):
        MASKS.key, MASKS.first = self.key, {"tokens": 0, "source": 0, "labels": 0}
        for r in list.__iter__(self):
            MASKS.place, MASKS.on = 0, "tokens"
            tokens, source, labels, MASKS.labelled = self.counts(r)
            yield r
            for kind, n in (("tokens", tokens), ("source", source), ("labels", labels)):
                MASKS.first[kind] += n


def works_on(module, kind):
    """While `module` runs, rows are of that kind."""
    before = []

    def enter(*_):
        before.append(MASKS.on)
        MASKS.on = kind

    module.register_forward_pre_hook(enter)
    module.register_forward_hook(lambda *_: setattr(MASKS, "on", before.pop()))


class Batch:
    """The micro-batch that the program is given: its arrays."""

    def __init__(self):
        for name in "ids positions start types gather target source_ids source_start seen".split():
            setattr(self, name, [])

    def add(self, ids):
        s = len(self.ids)
        self.ids += ids
        self.positions += range(len(ids))
        self.start += [s] * len(ids)
        return s


def texts(rows):
    b = Batch()
    for r in rows:
        s = b.add(r["ids"])
        for k in range(1, len(r["ids"])):
            if r["labels"][k]:
                b.gather.append(s + k - 1)
                b.target.append(r["ids"][k])
    return b


def classes(rows, encoder):
    b = Batch()
    for r in rows:
        s = b.add(r["ids"])
        b.types += r.get("types", [0] * len(r["ids"]))
        own = r["label"] if isinstance(r["label"], list) else [r["label"]]
        at = range(s, s + len(own)) if len(own) > 1 else [s if encoder else s + len(r["ids"]) - 1]
        for k, label in zip(at, own):
            if label >= 0:
                b.gather.append(k)
                b.target.append(label)
    return b


def pairs(rows, start):
    b = Batch()
    for r in rows:
        source = len(b.source_ids)
        b.source_ids += r["source"]
        b.source_start += [source] * len(r["source"])
        s = b.add([start] + r["labels"][:-1])
        b.gather += range(s, s + len(r["labels"]))
        b.target += r["labels"]
        b.seen += [source, len(b.source_ids)] * len(r["labels"])
    return b


def count_texts(r):
    return len(r["ids"]), 0, sum(r["labels"][1:]), None


def count_classes(r):
    if not isinstance(r["label"], list):
        return len(r["ids"]), 0, 1, None
    seen, labelled = 0, []
    for label in r["label"]:
        labelled.append(seen)
        seen += label >= 0
    return len(r["ids"]), 0, seen, labelled


def count_pairs(r):
    return len(r["labels"]), len(r["source"]), len(r["labels"]), None


HIDDEN = {"hidden_dropout": 0.1, "attention_dropout": 0.2}
BERT = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.2, "classifier_dropout": 0.3}
DISTIL = {"dropout": 0.1, "attention_dropout": 0.2, "seq_classif_dropout": 0.3}
GPT2 = {"embd_pdrop": 0.1, "attn_pdrop": 0.2, "resid_pdrop": 0.15}
NEO = {"embed_dropout": 0.1, "attention_dropout": 0.2, "resid_dropout": 0.15}
T5 = {"dropout_rate": 0.1, "classifier_dropout": 0.4}
BART = {"dropout": 0.1, "attention_dropout": 0.2, "activation_dropout": 0.15}
PHI = {"embd_pdrop": 0.1, "attention_dropout": 0.2, "resid_pdrop": 0.15}
STARCODER = {"embedding_dropout": 0.1, "attention_dropout": 0.2, "residual_dropout": 0.15}
MPT = {"attn_config": {"attn_pdrop": 0.15}}
ALBERT = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.2, "classifier_dropout_prob": 0.3}
MODERN = {"embedding_dropout": 0.1, "attention_dropout": 0.2, "mlp_dropout": 0.15, "classifier_dropout": 0.3}
# name, the tiny model, its class, what its config.json says, and the modules whose rows are labels
ENTRIES = [
    ("bert-dropout", "encoder/bert-class", t.BertForSequenceClassification, BERT, ["dropout"]),
    ("bert-token-dropout", "encoder/bert-token", t.BertForTokenClassification, BERT, ["dropout"]),
    ("roberta-dropout", "encoder/roberta-class", t.RobertaForSequenceClassification, BERT, ["classifier.dropout"]),
    ("distilbert-dropout", "encoder/distilbert-class", t.DistilBertForSequenceClassification, DISTIL, ["dropout"]),
    ("gpt2-dropout", "tiny/gpt2", t.GPT2LMHeadModel, GPT2, []),
    ("gpt_neox-dropout", "tiny/gpt_neox", t.GPTNeoXForCausalLM, HIDDEN, []),
    ("opt-dropout", "tiny/opt", t.OPTForCausalLM, {"dropout": 0.1, "attention_dropout": 0.2}, []),
    ("opt-post-dropout", "tiny/opt-post", t.OPTForCausalLM, {"dropout": 0.1, "attention_dropout": 0.2}, []),
    ("stablelm-dropout", "tiny/stablelm", t.StableLmForCausalLM, HIDDEN, []),
    ("falcon-dropout", "tiny/falcon", t.FalconForCausalLM, HIDDEN, []),
    ("falcon-serial-dropout", "tiny/falcon-serial", t.FalconForCausalLM, HIDDEN, []),
    ("falcon-alibi-dropout", "tiny/falcon-alibi", t.FalconForCausalLM, {"hidden_dropout": 0.1}, []),
    ("bloom-dropout", "tiny/bloom", t.BloomForCausalLM, HIDDEN, []),
    ("mpt-dropout", "tiny/mpt", t.MptForCausalLM, MPT, []),
    ("phi-dropout", "tiny/phi", t.PhiForCausalLM, PHI, []),
    ("starcoder2-dropout", "tiny/starcoder2", t.Starcoder2ForCausalLM, STARCODER, []),
    ("seed_oss-dropout", "tiny/seed_oss", t.SeedOssForCausalLM, STARCODER, []),
    ("gptj-dropout", "tiny/gptj", t.GPTJForCausalLM, GPT2, []),
    ("gpt_neo-dropout", "tiny/gpt_neo", t.GPTNeoForCausalLM, NEO, []),
    ("gpt_bigcode-dropout", "tiny/gpt_bigcode", t.GPTBigCodeForCausalLM, GPT2, []),
    ("glm-dropout", "tiny/glm", t.GlmForCausalLM, {"attention_dropout": 0.2}, []),
    ("modernbert-dropout", "encoder/modernbert-class", t.ModernBertForSequenceClassification, MODERN, ["drop"]),
    ("electra-dropout", "encoder/electra-class", t.ElectraForSequenceClassification, BERT, ["classifier.dropout"]),
    ("albert-dropout", "encoder/albert-class", t.AlbertForSequenceClassification, ALBERT, ["dropout"]),
    ("mpnet-dropout", "encoder/mpnet-class", t.MPNetForSequenceClassification, BERT, ["classifier.dropout"]),
    ("phi3-dropout", "tiny/phi3", t.Phi3ForCausalLM, {"resid_pdrop": 0.1, "attention_dropout": 0.2}, []),
    ("gemma2-dropout", "tiny/gemma2", t.Gemma2ForCausalLM, {"attention_dropout": 0.2}, []),
    ("qwen2-window-dropout", "tiny/qwen2-window", t.Qwen2ForCausalLM, {"attention_dropout": 0.2}, []),
    ("bart-dropout", "seq2seq/bart", t.BartForConditionalGeneration, BART, []),
    ("pegasus-dropout", "seq2seq/pegasus", t.PegasusForConditionalGeneration, BART, []),
    ("t5-dropout", "seq2seq/t5", t.T5ForConditionalGeneration, T5, []),
    ("t5-gated-dropout", "seq2seq/t5-gated", t.T5ForConditionalGeneration, T5, []),
]


def opened(cls, base, config, classes):
    """The class of the tiny model's weights with that configuration, its adapter on it, in f64, training."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(f"{base}/model.safetensors", folder)
        p = config.get("attn_config", {}).get("attn_pdrop", 0)
        with open(f"{folder}/config.json", "w") as f:
            json.dump({**config, "attn_config": {**config["attn_config"], "attn_pdrop": 0}} if p else config, f)
        more = {"num_labels": classes, "ignore_mismatched_sizes": True} if classes else {}
        attention = "sdpa" if config.get("alibi") else "eager"  # Falcon's eager one adds its biases twice
        model = cls.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention, **more)
    for block in model.transformer.blocks if p else []:  # MPT's class takes it for a whole number
        block.attn.attn_dropout_p = block.ffn.hidden_dropout = block.resid_attn_dropout.p = p
    return PeftModel.from_pretrained(model, f"{base}/adapter", is_trainable=True).double().train()


def recording(base, model, golden):
    """The micro-batch, what a row counts, and the losses of all labels."""
    rows = golden["rows"]
    if "source" in rows[0]:
        works_on(model.base_model.model.get_encoder(), "source")
        return pairs(rows, model.config.decoder_start_token_id), count_pairs, lambda data: tiny_seq2seq.losses(model, data)[0]
    if "kind" in golden:
        kind = golden["kind"]
        return classes(rows, True), count_classes, lambda data: tiny_encoders.each(model, kind, data)[0]
    return texts(rows), count_texts, lambda data: tiny_models.losses(model, data)[0]


def make(name, base_name, cls, dropout, heads):
    base, folder = f"{DATA}/{base_name}", f"{DATA}/dropout/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(f"{base}/config.json") as f:
        config = json.load(f)
    for key, value in dropout.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    with open(f"{folder}/config.json", "w") as f:
        json.dump(config, f, indent=1, sort_keys=True)
        f.write("\n")
    with open(f"{base}/golden.json") as f:
        golden = json.load(f)
    model = opened(cls, base, config, golden.get("outputs"))
    for head in heads:
        works_on(model.base_model.model.get_submodule(head), "labels")
    batch, counts, losses = recording(base, model, golden)
    params = {k: p for k, p in model.named_parameters() if p.requires_grad}
    opt = torch.optim.AdamW(params.values(), lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    train = []
    for step in range(10):
        opt.zero_grad()
        loss = losses(Rows(golden["rows"], counts, rng_key(SEED, step))).mean()
        loss.backward()
        if step == 0:
            kept = {"grad." + plain(k): p.grad.clone().float().contiguous() for k, p in params.items()}
            save_file(kept, f"{folder}/golden.safetensors")
        torch.nn.utils.clip_grad_norm_(params.values(), 1.0)
        opt.step()
        train.append({"loss": float(loss.detach())})
    out = {"base": base_name, "seed": SEED, "without": golden["train"][0]["loss"], "train": train}
    out |= {k: golden[k] for k in ("kind", "outputs") if k in golden}
    with open(f"{folder}/golden.json", "w") as f:
        json.dump({**out, "batch": {k: v for k, v in vars(batch).items() if v}}, f, separators=(",", ":"))
        f.write("\n")
    print(f"{name:24s} {MASKS.place:3d} places, loss {train[0]['loss']:.4f}, without dropout {out['without']:.4f}")


def main():
    chosen = sys.argv[1:] or [""]
    np.seterr(over="ignore")
    for entry in ENTRIES:
        if any(entry[0].startswith(c) for c in chosen):
            make(*entry)
    with open(f"{DATA}/dropout/README.md", "w") as f:
        f.write(
            "Tiny models with dropout of the base and what transformers and PEFT compute with them, recorded by "
            "test/golden/tiny_dropout.py.\n"
        )


if __name__ == "__main__":
    main()
