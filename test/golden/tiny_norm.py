"""Tiny decoders with layer norms, for tiny_models.py."""

import gguf, numpy as np
import transformers as t
from safetensors.torch import load_file

from tiny_models import BOS, EOS, VOCAB, Model

IDS = dict(bos_token_id=BOS, eos_token_id=EOS, pad_token_id=None, attn_implementation="eager")


def gpt2(**more):
    usual = dict(
        vocab_size=VOCAB,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=64,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        **IDS,
    )
    return t.GPT2Config(**{**usual, **more})


def neox(**more):
    usual = dict(
        vocab_size=VOCAB,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=64,
        rotary_pct=0.25,
        **IDS,
    )
    return t.GPTNeoXConfig(**{**usual, **more})


def opt(**more):
    usual = dict(
        vocab_size=VOCAB,
        hidden_size=32,
        ffn_dim=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=62,
        dropout=0.0,
        word_embed_proj_dim=32,
        **IDS,
    )
    return t.OPTConfig(**{**usual, **more, **({"pad_token_id": 1})})


def stablelm(**more):
    usual = dict(
        vocab_size=VOCAB,
        hidden_size=32,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        partial_rotary_factor=0.25,
        **IDS,
    )
    return t.StableLmConfig(**{**usual, **more})


def falcon(**more):
    usual = dict(
        vocab_size=VOCAB,
        hidden_size=32,
        ffn_hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        alibi=False,
        **IDS,
    )
    return t.FalconConfig(**{**usual, **more})


def bare(folder):
    """The names of the bare model, with its buffers, as older files of GPT-2 have them."""
    import torch
    from safetensors.torch import save_file

    path = f"{folder}/model.safetensors"
    state = {k.removeprefix("transformer."): v for k, v in load_file(path).items()}
    state["h.0.attn.bias"] = torch.tril(torch.ones(64, 64, dtype=torch.uint8))[None, None]
    state["h.0.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(state, path, metadata={"format": "pt"})


def write(arch, path, folder, numbers, names, order=None):
    """A GGUF file; numbers: (writer method, value); order(name, array) brings rows into that format's order."""
    w = gguf.GGUFWriter(path, arch)
    for method, value in numbers:
        getattr(w, method)(value)
    for name, tensor in load_file(f"{folder}/model.safetensors").items():
        x = tensor.float().numpy()
        stem, leaf = name.rsplit(".", 1)
        parts = stem.split(".")
        layer = next((p for p in parts if p.isdigit()), None)
        key = stem.split(f".{layer}.", 1)[1] if layer else stem
        x = order(key, x) if order else x
        full = (f"blk.{layer}." if layer else "") + names[key] + "." + leaf
        x = np.ascontiguousarray(x.astype(np.float32))
        if x.ndim == 2:
            bf16 = gguf.GGMLQuantizationType.BF16
            w.add_tensor(full, gguf.quants.quantize(x, bf16), raw_dtype=bf16)
        else:
            w.add_tensor(full, x)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def counts(ffn, heads, eps=1e-5, kv=None):
    return [
        ("add_block_count", 2),
        ("add_embedding_length", 32),
        ("add_feed_forward_length", ffn),
        ("add_head_count", heads),
        ("add_head_count_kv", kv or heads),
        ("add_context_length", 64),
        ("add_layer_norm_eps", eps),
        ("add_bos_token_id", BOS),
        ("add_eos_token_id", EOS),
    ]


def gguf_gpt2(folder, path):
    names = {
        "transformer.wte": "token_embd",
        "transformer.wpe": "position_embd",
        "transformer.ln_f": "output_norm",
        "ln_1": "attn_norm",
        "ln_2": "ffn_norm",
        "attn.c_attn": "attn_qkv",
        "attn.c_proj": "attn_output",
        "mlp.c_fc": "ffn_up",
        "mlp.c_proj": "ffn_down",
    }
    turned = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    write("gpt2", path, folder, counts(128, 4), names, lambda k, x: x.T if k in turned and x.ndim == 2 else x)


def split(heads, kv, dim):
    """Rows of a fused projection from key head by key head to all q, all k, all v."""

    def order(key, x):
        if not key.endswith("query_key_value"):
            return x
        share = heads // kv
        parts = x.reshape(kv, share + 2, dim, *x.shape[1:])
        flat = [parts[:, :share], parts[:, share], parts[:, share + 1]]
        return np.concatenate([p.reshape(-1, *x.shape[1:]) for p in flat])

    return order


def gguf_neox(folder, path):
    names = {
        "gpt_neox.embed_in": "token_embd",
        "embed_out": "output",
        "gpt_neox.final_layer_norm": "output_norm",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "attention.query_key_value": "attn_qkv",
        "attention.dense": "attn_output",
        "mlp.dense_h_to_4h": "ffn_up",
        "mlp.dense_4h_to_h": "ffn_down",
    }
    numbers = counts(48, 2) + [("add_rope_dimension_count", 4), ("add_parallel_residual", True)]
    write("gptneox", path, folder, numbers, names, split(2, 2, 16))


def gguf_stablelm(folder, path):
    names = {
        "model.embed_tokens": "token_embd",
        "lm_head": "output",
        "model.norm": "output_norm",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    write("stablelm", path, folder, counts(40, 2, kv=1) + [("add_rope_dimension_count", 4)], names)


def gguf_falcon(folder, path):
    names = {
        "transformer.word_embeddings": "token_embd",
        "transformer.ln_f": "output_norm",
        "input_layernorm": "attn_norm",
        "self_attention.query_key_value": "attn_qkv",
        "self_attention.dense": "attn_output",
        "mlp.dense_h_to_4h": "ffn_up",
        "mlp.dense_4h_to_h": "ffn_down",
    }
    write("falcon", path, folder, counts(48, 4, kv=1), names, split(4, 1, 8))


def gguf_falcon_new(folder, path):
    names = {
        "transformer.word_embeddings": "token_embd",
        "transformer.ln_f": "output_norm",
        "ln_mlp": "attn_norm",
        "ln_attn": "attn_norm_2",
        "self_attention.query_key_value": "attn_qkv",
        "self_attention.dense": "attn_output",
        "mlp.dense_h_to_4h": "ffn_up",
        "mlp.dense_4h_to_h": "ffn_down",
    }
    write("falcon", path, folder, counts(48, 4, kv=2), names, split(4, 2, 8))


GPT2 = ["c_attn", "attn.c_proj", "c_fc", "mlp.c_proj"]
NEOX = ["query_key_value", "attention.dense", "dense_h_to_4h", "dense_4h_to_h"]
OPT = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
STABLE = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
FALCON = ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]

MODELS = [
    Model("gpt2", t.GPT2LMHeadModel, gpt2(), GPT2, gguf=gguf_gpt2),
    Model("gpt2-bare", t.GPT2LMHeadModel, gpt2(n_inner=48, activation_function="relu"), GPT2, finish=bare),
    Model("gpt_neox", t.GPTNeoXForCausalLM, neox(), NEOX, gguf=gguf_neox),
    Model("gpt_neox-serial", t.GPTNeoXForCausalLM, neox(use_parallel_residual=False, hidden_act="gelu_new"), NEOX),
    Model("opt", t.OPTForCausalLM, opt(), OPT),
    Model(
        "opt-post",
        t.OPTForCausalLM,
        opt(do_layer_norm_before=False, word_embed_proj_dim=16),
        OPT + ["project_in", "project_out"],
    ),
    Model("stablelm", t.StableLmForCausalLM, stablelm(), STABLE, gguf=gguf_stablelm),
    Model(
        "stablelm-parallel", t.StableLmForCausalLM, stablelm(use_parallel_residual=True, use_qkv_bias=True), STABLE
    ),
    Model("falcon", t.FalconForCausalLM, falcon(), FALCON, gguf=gguf_falcon),
    Model(
        "falcon-new",
        t.FalconForCausalLM,
        falcon(new_decoder_architecture=True, num_kv_heads=2, bias=True),
        FALCON,
        gguf=gguf_falcon_new,
    ),
    Model("falcon-serial", t.FalconForCausalLM, falcon(multi_query=False, parallel_attn=False, bias=True), FALCON),
]
