"""Records what transformers + PEFT compute for tiny random classifiers, with a LoRA adapter and modules trained whole.

    python3 test/golden/tiny_encoders.py [NAME ...]      all of them, or those whose names begin so

Writes test/data/model/encoder/NAME/:

    config.json, model.safetensors    the base as its class saves it, weights in bf16
    adapter/                          the adapter as PEFT saves it for SEQ_CLS or TOKEN_CLS, in bf16
    golden.json                       task, loss, rows of ids and token types with their labels, the loss, ten
                                      optimizer losses
    golden.safetensors                logits of all labels, their losses, every gradient, computed in f64
    NAME.gguf                         of two BERTs the same model in that format

Run with torch, transformers, peft, safetensors, numpy and gguf installed.
"""

import json, os, shutil, zlib
import gguf, numpy as np, torch
import transformers as t
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

import tiny_models
from recording import make_chosen, ten_steps, write_golden
from tiny_gguf import Writer
from tiny_models import VOCAB, as_bf16, bf16, fill

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "data", "model", "encoder")
PLAIN = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager")


def bert(cls=t.BertConfig, **more):
    usual = dict(
        vocab_size=VOCAB,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=32,
        type_vocab_size=2,
        pad_token_id=0,
        **PLAIN,
    )
    return cls(**{**usual, **more})


def roberta(cls, **more):
    return bert(cls, max_position_embeddings=34, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5, **more)


def distil(**more):
    return t.DistilBertConfig(
        vocab_size=VOCAB,
        dim=32,
        n_layers=2,
        n_heads=4,
        hidden_dim=48,
        max_position_embeddings=32,
        dropout=0.0,
        attention_dropout=0.0,
        seq_classif_dropout=0.0,
        attn_implementation="eager",
        **more,
    )


SMALL = dict(vocab_size=VOCAB, hidden_size=32, num_attention_heads=4, intermediate_size=48, pad_token_id=0)


def modern(**more):
    return t.ModernBertConfig(
        **SMALL,
        num_hidden_layers=4,
        max_position_embeddings=32,
        local_attention=8,
        bos_token_id=1,
        eos_token_id=2,
        cls_token_id=1,
        sep_token_id=2,
        attn_implementation="eager",
        **more,
    )


def deberta(**more):
    return t.DebertaV2Config(
        **SMALL, num_hidden_layers=2, relative_attention=True, max_position_embeddings=32, **PLAIN, **more
    )


def mpnet(**more):
    return t.MPNetConfig(
        **{**SMALL, "pad_token_id": 1}, num_hidden_layers=2, max_position_embeddings=34, **PLAIN, **more
    )


def gpt2(**more):
    return t.GPT2Config(
        vocab_size=VOCAB,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=32,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        pad_token_id=0,
        attn_implementation="eager",
        **more,
    )


# name, class of the base, class that computes, configuration, targets, modules_to_save, kind, outputs
QV = ["query", "value"]
ENTRIES = [
    ("bert-class", t.BertModel, t.BertForSequenceClassification, bert(), QV, ["pooler", "classifier"], "class", 5),
    ("bert-value", t.BertModel, t.BertForSequenceClassification, bert(), ["query", "dense"], None, "value", 1),
    (
        "bert-several",
        t.BertForSequenceClassification,
        t.BertForSequenceClassification,
        bert(hidden_act="relu"),
        QV,
        None,
        "several",
        4,
    ),
    ("bert-token", t.BertModel, t.BertForTokenClassification, bert(), QV, None, "token", 6),
    (
        "roberta-class",
        t.RobertaModel,
        t.RobertaForSequenceClassification,
        roberta(t.RobertaConfig),
        QV,
        None,
        "class",
        3,
    ),
    (
        "xlm-roberta-token",
        t.XLMRobertaModel,
        t.XLMRobertaForTokenClassification,
        roberta(t.XLMRobertaConfig),
        QV,
        None,
        "token",
        3,
    ),
    (
        "distilbert-class",
        t.DistilBertModel,
        t.DistilBertForSequenceClassification,
        distil(),
        ["q_lin", "v_lin"],
        ["pre_classifier", "classifier"],
        "class",
        4,
    ),
    (
        "modernbert-class",
        t.ModernBertForMaskedLM,
        t.ModernBertForSequenceClassification,
        modern(),
        ["Wqkv", "Wo"],
        None,
        "class",
        3,
    ),
    (
        "modernbert-mean",
        t.ModernBertModel,
        t.ModernBertForSequenceClassification,
        modern(classifier_pooling="mean", classifier_activation="relu", global_attn_every_n_layers=2),
        ["Wqkv", "Wi"],
        ["head.dense", "classifier"],
        "several",
        3,
    ),
    (
        "modernbert-token",
        t.ModernBertForTokenClassification,
        t.ModernBertForTokenClassification,
        modern(
            norm_bias=True,
            attention_bias=True,
            mlp_bias=True,
            classifier_bias=True,
            hidden_activation="gelu_pytorch_tanh",
            rope_parameters={
                "full_attention": {"rope_type": "default", "rope_theta": 300.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 20.0},
            },
        ),
        ["Wqkv"],
        None,
        "token",
        4,
    ),
    (
        "deberta-v3-class",
        t.DebertaV2ForMaskedLM,
        t.DebertaV2ForSequenceClassification,
        deberta(
            position_buckets=8,
            max_relative_positions=12,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type=["p2c", "c2p"],
            position_biased_input=False,
        ),
        ["query_proj", "key_proj"],
        ["pooler", "classifier"],
        "class",
        3,
    ),
    (
        "deberta-v2-token",
        t.DebertaV2Model,
        t.DebertaV2ForTokenClassification,
        deberta(
            max_relative_positions=6,
            pos_att_type="p2c|c2p",
            type_vocab_size=2,
            embedding_size=16,
            share_att_key=False,
        ),
        ["value_proj", "pos_key_proj", "pos_query_proj"],
        None,
        "token",
        4,
    ),
    (
        "deberta-c2p",
        t.DebertaV2Model,
        t.DebertaV2ForTokenClassification,
        deberta(position_buckets=6, pos_att_type=["c2p"], share_att_key=True),
        ["key_proj"],
        None,
        "token",
        3,
    ),
    (
        "electra-class",
        t.ElectraForPreTraining,
        t.ElectraForSequenceClassification,
        bert(t.ElectraConfig, embedding_size=16),
        [*QV, "embeddings_project"],
        None,
        "class",
        3,
    ),
    (
        "albert-class",
        t.AlbertForPreTraining,
        t.AlbertForSequenceClassification,
        bert(t.AlbertConfig, embedding_size=16, num_hidden_layers=3, hidden_act="gelu_new"),
        ["value", "ffn"],
        ["pooler", "classifier"],
        "class",
        3,
    ),
    (
        "albert-token",
        t.AlbertModel,
        t.AlbertForTokenClassification,
        bert(t.AlbertConfig, embedding_size=16, num_hidden_layers=5, num_hidden_groups=2, hidden_act="gelu"),
        ["value", "ffn_output"],
        None,
        "token",
        3,
    ),
    (
        "mpnet-class",
        t.MPNetForMaskedLM,
        t.MPNetForSequenceClassification,
        mpnet(),
        ["q", "v"],
        None,
        "class",
        3,
    ),
    (
        "camembert-class",
        t.CamembertForMaskedLM,
        t.CamembertForSequenceClassification,
        roberta(t.CamembertConfig),
        QV,
        None,
        "class",
        3,
    ),
    ("gpt2-class", t.GPT2LMHeadModel, t.GPT2ForSequenceClassification, gpt2(), ["c_attn"], None, "class", 4),
]
PROBLEM = {
    "class": "single_label_classification",
    "value": "regression",
    "several": "multi_label_classification",
    "token": None,
}


def rows(kind, outputs, types):
    rng = np.random.default_rng(5)
    out = []
    for n in (5, 1, 12, 17, 9, 3):
        r = {"ids": rng.integers(3, VOCAB, n).tolist()}
        if types > 1:
            r["types"] = [0] * (n // 2) + [1] * (n - n // 2)
        if kind == "class":
            r["label"] = int(rng.integers(outputs))
        elif kind == "token":
            r["label"] = [int(x) if rng.random() < 0.7 else -100 for x in rng.integers(0, outputs, n)]
            r["label"][0] = int(rng.integers(outputs))
        else:
            x = rng.random(outputs)
            r["label"] = [float(np.float32(v)) if kind == "value" else int(v < 0.4) for v in x]
        out.append(r)
    return out


def each(model, kind, data):
    """The loss of every label in order, and its logits."""
    losses, logits = [], []
    for r in data:
        more = {"token_type_ids": torch.tensor([r["types"]])} if "types" in r else {}
        z = model(input_ids=torch.tensor([r["ids"]]), **more).logits[0]
        if kind == "token":
            y = torch.tensor(r["label"])
            z, y = z[y >= 0], y[y >= 0]
            loss = torch.nn.functional.cross_entropy(z, y, reduction="none")
        elif kind == "class":
            loss = torch.nn.functional.cross_entropy(z[None], torch.tensor([r["label"]]), reduction="none")
        else:
            y = torch.tensor(r["label"], dtype=torch.float64)
            f = (
                torch.nn.functional.mse_loss
                if kind == "value"
                else torch.nn.functional.binary_cross_entropy_with_logits
            )
            loss = f(z, y)[None]
        losses.append(loss)
        logits.append(z.reshape(-1))
    return torch.cat(losses), torch.cat(logits)


def plain(name):
    return name.replace(".modules_to_save.default", "").replace(".default", "").removeprefix("base_model.model.")


def record(model, kind, data, folder, outputs):
    loss, logits = each(model, kind, data)
    loss.mean().backward()
    params = {plain(k): p for k, p in model.named_parameters() if p.requires_grad}
    kept = {"grad." + k: p.grad for k, p in params.items()}
    kept["logits"], kept["losses"] = logits, loss
    save_file({k: x.detach().clone().float().contiguous() for k, x in kept.items()}, f"{folder}/golden.safetensors")
    golden = {"kind": kind, "outputs": outputs, "rows": data, "loss": float(loss.detach().mean())}
    golden["train"] = ten_steps(list(params.values()), lambda: each(model, kind, data)[0].mean())
    write_golden(golden, f"{folder}/golden.json")


def gguf_bert(folder, path):
    """The encoder as the conversion of llama.cpp writes it: without its pooler."""
    with open(f"{folder}/config.json") as f:
        c = json.load(f)
    w = gguf.GGUFWriter(path, "bert")
    w.add_block_count(c["num_hidden_layers"])
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(c["hidden_size"])
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(c["num_attention_heads"])
    w.add_layer_norm_eps(c["layer_norm_eps"])
    w.add_causal_attention(False)
    w.add_pooling_type(gguf.PoolingType.CLS)
    w.add_token_type_count(c["type_vocab_size"])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, c["num_hidden_layers"])
    add = Writer("bert").add
    for name, x in sorted(load_file(f"{folder}/model.safetensors").items()):
        if not name.startswith("pooler."):
            add(w, names, name, x.float().numpy())
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def make(name, base_class, cls, config, targets, saved, kind, outputs):
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    torch.manual_seed(zlib.crc32(name.encode()))
    base = base_class(config).float().eval()
    fill(tiny_models.Model(name, base_class, config, targets), base)
    base.save_pretrained(folder)
    as_bf16(f"{folder}/model.safetensors")
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")
    model = cls.from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation="eager",
        num_labels=outputs,
        problem_type=PROBLEM[kind],
        ignore_mismatched_sizes=True,
    ).eval()
    lora = LoraConfig(
        r=2,
        lora_alpha=4,
        lora_dropout=0.0,
        target_modules=targets,
        modules_to_save=saved,
        task_type="TOKEN_CLS" if kind == "token" else "SEQ_CLS",
    )
    model = get_peft_model(model, lora).eval()
    with torch.no_grad():
        for k, p in model.named_parameters():
            if p.requires_grad:
                p.copy_(bf16(torch.randn_like(p) * (0.3 if "lora_" in k else 0.6) / p.shape[-1] ** 0.5))
    tiny_models.save_adapter(model, f"{folder}/adapter", tiny_models.Model(name, cls, config, targets))
    types = getattr(config, "type_vocab_size", 0)
    record(model.double(), kind, rows(kind, outputs, types), folder, outputs)
    if name in ("bert-class", "bert-token"):
        gguf_bert(folder, f"{folder}/{name}.gguf")
    print(name)


if __name__ == "__main__":
    make_chosen(
        ENTRIES,
        make,
        OUT,
        "Random classifiers and what transformers and PEFT compute with them, recorded by "
        "test/golden/tiny_encoders.py.\n",
    )
