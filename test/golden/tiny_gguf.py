"""Writes a saved tiny model as GGUF, for tiny_models.py: keys, tensor names, row orders and extra tensors as the
conversion of llama.cpp has them. Names come from the tables of the gguf package. Matrices are bf16, vectors f32."""

import json, math
import gguf, numpy as np
from safetensors.torch import load_file


def permuted(x, heads):
    """Rows of each head in the order of the rotary pairs."""
    return x.reshape(heads, 2, x.shape[0] // heads // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def llama3_factors(c, r, dim):
    low, high, out = (
        r["original_max_position_embeddings"] / r["low_freq_factor"],
        r["original_max_position_embeddings"] / r["high_freq_factor"],
        [],
    )
    for i in range(0, dim, 2):
        wave = 2 * math.pi * r["rope_theta"] ** (i / dim)
        smooth = (r["original_max_position_embeddings"] / wave - r["low_freq_factor"]) / (
            r["high_freq_factor"] - r["low_freq_factor"]
        )
        out.append(1 if wave < high else r["factor"] if wave > low else 1 / ((1 - smooth) / r["factor"] + smooth))
    return np.array(out, np.float32)


def merged(state):
    """The matrices of all experts of a layer become one tensor, under the names that the conversion gives them."""
    out, experts = {}, {}
    for name, x in state.items():
        parts = name.split(".")
        if "experts" not in parts:
            out[name] = x
            continue
        at = parts.index("experts")
        layer, expert, leaf = parts[2], int(parts[at + 1]), ".".join(parts[at + 2 :])
        key = (
            f"layers.{layer}.feed_forward.experts.{leaf}"
            if leaf[0] == "w"
            else f"model.layers.{layer}.mlp.experts.{leaf}"
        )
        experts.setdefault(key, {})[expert] = x
    for key, all in experts.items():
        out[key] = np.stack([all[e] for e in range(len(all))])
    return out


def single(name):
    """The older name of an expert's matrix, or None: a tensor for each."""
    parts = name.split(".")
    if "experts" not in parts:
        return None
    stem = {"w1": "ffn_gate", "w3": "ffn_up", "w2": "ffn_down"}[parts[-2]]
    return f"blk.{parts[2]}.{stem}.{parts[-3]}.weight"


class Writer:
    """old: also NAME-old.gguf, as Mixtral was converted until April 2024."""

    def __init__(self, arch, pairs=False, offset=False, split=0, experts=False, old=False):
        self.arch, self.pairs, self.offset, self.split, self.experts = arch, pairs, offset, split, experts
        self.old = old

    def keys(self, w, c, dim):
        w.add_block_count(c["num_hidden_layers"])
        w.add_embedding_length(c["hidden_size"])
        w.add_feed_forward_length(c["intermediate_size"])
        w.add_context_length(c["max_position_embeddings"])
        w.add_head_count(c["num_attention_heads"])
        w.add_head_count_kv(c["num_key_value_heads"])
        w.add_layer_norm_rms_eps(c["rms_norm_eps"])
        w.add_vocab_size(c["vocab_size"])
        w.add_key_length(dim)
        w.add_value_length(dim)
        w.add_eos_token_id(2)
        if c.get("sliding_window") and self.arch in ("gemma2", "gemma3", "phi3"):
            w.add_sliding_window(c["sliding_window"])
        if self.experts:
            w.add_expert_count(c.get("num_local_experts") or c["num_experts"])
            w.add_expert_used_count(c["num_experts_per_tok"])
            if c.get("moe_intermediate_size"):
                w.add_expert_feed_forward_length(c["moe_intermediate_size"])
            if c.get("shared_expert_intermediate_size"):
                w.add_expert_shared_feed_forward_length(c["shared_expert_intermediate_size"])
        for key, add in (
            ("attn_logit_softcapping", w.add_attn_logit_softcapping),
            ("final_logit_softcapping", w.add_final_logit_softcapping),
        ):
            if c.get(key):
                add(c[key])

    def rope(self, w, c, dim):
        all = c["rope_parameters"]
        r = all.get("full_attention", all)
        part = int(dim * r.get("partial_rotary_factor", 1.0))
        w.add_rope_freq_base(r["rope_theta"])
        w.add_rope_dimension_count(part)
        kind = r["rope_type"]
        if kind == "llama3":
            w.add_tensor("rope_freqs.weight", llama3_factors(c, r, part))
        if kind == "linear":
            w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            w.add_rope_scaling_factor(r["factor"])
        if kind == "yarn":
            w.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            w.add_rope_scaling_factor(r["factor"])
            w.add_rope_scaling_orig_ctx_len(r["original_max_position_embeddings"])
        if kind == "longrope":
            w.add_rope_scaling_orig_ctx_len(c["original_max_position_embeddings"])
            scale = c["max_position_embeddings"] / c["original_max_position_embeddings"]
            w.add_rope_scaling_attn_factors(
                math.sqrt(1 + math.log(scale) / math.log(c["original_max_position_embeddings"]))
            )
            for name in ("long", "short"):
                w.add_tensor(f"rope_factors_{name}.weight", np.array(r[name + "_factor"], np.float32))

    def tensor(self, name, x, c):
        if self.pairs and "q_proj" in name:
            x = permuted(x, c["num_attention_heads"])
        if self.pairs and "k_proj" in name:
            x = permuted(x, c["num_key_value_heads"])
        if self.offset and name.endswith("norm.weight"):
            x = x + 1
        return x

    def add(self, w, names, name, x):
        stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert stored, name
        if x.shape[0] == 1:
            x = x[0]
        if x.ndim == 1:
            w.add_tensor(stored, np.ascontiguousarray(x, np.float32))
            return
        kind = gguf.GGMLQuantizationType.BF16
        w.add_tensor(stored, gguf.quants.quantize(np.ascontiguousarray(x, np.float32), kind), raw_dtype=kind)

    def __call__(self, folder, path):
        self.write(folder, path, self.experts)
        if self.old:
            self.write(folder, path.replace(".gguf", "-old.gguf"), False)

    def write(self, folder, path, merge):
        c = json.load(open(f"{folder}/config.json"))
        arch = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == self.arch)
        w = gguf.GGUFWriter(path, self.arch, split_max_tensors=self.split)
        dim = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
        self.keys(w, c, dim)
        self.rope(w, c, dim)
        names = gguf.get_tensor_name_map(arch, c["num_hidden_layers"])
        state = {k: v.float().numpy() for k, v in load_file(f"{folder}/model.safetensors").items()}
        if merge:
            state = merged(state)
        for name in sorted(state):
            if not merge and single(name):
                kind = gguf.GGMLQuantizationType.BF16
                w.add_tensor(single(name), gguf.quants.quantize(state[name], kind), raw_dtype=kind)
                continue
            self.add(w, names, name, self.tensor(name, state[name], c))
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()


class Seq2SeqWriter(Writer):
    """An encoder and a decoder, whose number of layers has a key of its own."""

    def keys(self, w, c, dim):
        w.add_block_count(c["num_layers"])
        w.add_decoder_block_count(c["num_decoder_layers"])
        w.add_embedding_length(c["d_model"])
        w.add_feed_forward_length(c["d_ff"])
        w.add_context_length(c.get("n_positions", 512))
        w.add_head_count(c["num_heads"])
        w.add_key_length(dim)
        w.add_value_length(dim)
        w.add_relative_attn_buckets_count(c["relative_attention_num_buckets"])
        w.add_layer_norm_eps(c["layer_norm_epsilon"])
        w.add_layer_norm_rms_eps(c["layer_norm_epsilon"])
        w.add_vocab_size(c["vocab_size"])
        w.add_decoder_start_token_id(c["decoder_start_token_id"])
        w.add_eos_token_id(c["eos_token_id"])
        w.add_pad_token_id(c["pad_token_id"])

    def __call__(self, folder, path):
        c = json.load(open(f"{folder}/config.json"))
        arch = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == self.arch)
        w = gguf.GGUFWriter(path, self.arch)
        self.keys(w, c, c["d_kv"])
        names = gguf.get_tensor_name_map(arch, max(c["num_layers"], c["num_decoder_layers"]))
        state = {k: v.float().numpy() for k, v in load_file(f"{folder}/model.safetensors").items()}
        for name in sorted(state):
            self.add(w, names, name, state[name])
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()
