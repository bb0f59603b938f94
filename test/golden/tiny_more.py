"""Tiny models of further families of decoders, for tiny_models.py."""

import gguf
import transformers as t

from tiny_gguf import Writer
from tiny_models import BOS, EOS, VOCAB, Model
from tiny_norm import IDS, counts, falcon, split, write
from tiny_rope import ALL, config, from_one

FUSED = ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]


def layered(eps="layer_norm_eps"):
    """A writer for families whose norms are layer norms, with that key for their epsilon."""

    class Layered(Writer):
        def keys(self, w, c, dim):
            super().keys(w, {**c, "rms_norm_eps": 0.5}, dim)
            w.add_layer_norm_eps(c.get(eps, 1e-5))
            self.more(w, c)

        def tensor(self, name, x, c):
            x = super().tensor(name, x, c)
            return x + 1 if c["model_type"] == "nemotron" and name.endswith("norm.weight") else x

        def more(self, w, c):
            if c.get("logit_scale"):
                w.add_logit_scale(c["logit_scale"])
            if c.get("clip_qkv"):
                w.add_clamp_kqv(c["clip_qkv"])
            if c["model_type"] == "cohere2":
                w.add_sliding_window(c["sliding_window"])

    return Layered


class Granite(Writer):
    def keys(self, w, c, dim):
        super().keys(w, c, dim)
        w.add_attention_scale(c["attention_multiplier"])
        w.add_embedding_scale(c["embedding_multiplier"])
        w.add_residual_scale(c["residual_multiplier"])
        w.add_logit_scale(c["logits_scaling"])


class Windowed(Writer):
    def keys(self, w, c, dim):
        super().keys(w, c, dim)
        if c.get("sliding_window"):
            w.add_sliding_window(c["sliding_window"])


class Grown(Writer):
    """Rotary positions whose base has been grown already."""

    def rope(self, w, c, dim):
        r = c["rope_parameters"]
        w.add_rope_freq_base(r["rope_theta"] * r["alpha"] ** (dim / (dim - 2)))
        w.add_rope_dimension_count(dim)
        w.add_rope_scaling_type(gguf.RopeScalingType.NONE)


def bigcode(**more):
    usual = dict(vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=4, n_positions=64, n_inner=48, **IDS)
    return t.GPTBigCodeConfig(**{**usual, **more})


def gguf_bigcode(folder, path):
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
    write("starcoder", path, folder, counts(48, 4, kv=1), names)


def gptj(**more):
    usual = dict(vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=2, n_positions=64, rotary_dim=8, **IDS)
    return t.GPTJConfig(**{**usual, **more})


def neo(**more):
    usual = dict(
        vocab_size=VOCAB,
        hidden_size=32,
        num_layers=3,
        num_heads=4,
        attention_types=[[["global"], 1], [["local", "global"], 1]],
        window_size=5,
        intermediate_size=48,
        max_position_embeddings=64,
        **IDS,
    )
    return t.GPTNeoConfig(**{**usual, **more})


GLM = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_up_proj", "down_proj"]
HYBRID = dict(
    num_hidden_layers=4,
    hidden_size=16,
    intermediate_size=24,
    num_attention_heads=2,
    num_key_value_heads=1,
    sliding_window=5,
)


def bloom(**more):
    return t.BloomConfig(**{**dict(vocab_size=VOCAB, hidden_size=32, n_layer=2, n_head=4, **IDS), **more})


def mpt(clip=None, **more):
    usual = dict(
        vocab_size=VOCAB,
        d_model=32,
        n_heads=4,
        n_layers=2,
        expansion_ratio=4,
        max_seq_len=64,
        attn_config={"clip_qkv": clip},
        **{**IDS, "attn_implementation": None},
    )
    return t.MptConfig(**{**usual, **more})


def gguf_bloom(folder, path):
    names = {
        "transformer.word_embeddings": "token_embd",
        "transformer.word_embeddings_layernorm": "token_embd_norm",
        "transformer.ln_f": "output_norm",
        "input_layernorm": "attn_norm",
        "self_attention.query_key_value": "attn_qkv",
        "self_attention.dense": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.dense_h_to_4h": "ffn_up",
        "mlp.dense_4h_to_h": "ffn_down",
    }
    write("bloom", path, folder, counts(128, 4), names, split(4, 4, 8))


def gguf_mpt(folder, path):
    names = {
        "transformer.wte": "token_embd",
        "transformer.norm_f": "output_norm",
        "norm_1": "attn_norm",
        "attn.Wqkv": "attn_qkv",
        "attn.out_proj": "attn_output",
        "norm_2": "ffn_norm",
        "ffn.up_proj": "ffn_up",
        "ffn.down_proj": "ffn_down",
    }
    numbers = counts(128, 4) + [("add_max_alibi_bias", 8.0), ("add_clamp_kqv", 1.0)]
    write("mpt", path, folder, numbers, names)


def more(cls, **other):
    """A configuration without the key for RMSNorm, which these classes do not have."""
    usual = config(dict, **other)
    usual.pop("rms_norm_eps")
    return cls(**usual)


PHI = ["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]
STARCODER = ["q_proj", "k_proj", "v_proj", "o_proj", "c_fc", "c_proj"]

MODELS = [
    Model("bloom", t.BloomForCausalLM, bloom(), FUSED, gguf=gguf_bloom),
    Model("bloom-six", t.BloomForCausalLM, bloom(n_head=6, hidden_size=36, n_layer=1), FUSED),
    Model("mpt", t.MptForCausalLM, mpt(clip=1.0), ["Wqkv", "out_proj", "up_proj", "down_proj"], gguf=gguf_mpt),
    Model("mpt-free", t.MptForCausalLM, mpt(n_layers=1), ["Wqkv", "down_proj"]),
    Model(
        "falcon-alibi",
        t.FalconForCausalLM,
        falcon(multi_query=False, parallel_attn=False, bias=True, alibi=True),
        FUSED,
        attention="sdpa",  # "eager" adds the biases twice: to the mask, and to the scores
    ),
    Model(
        "phi",
        t.PhiForCausalLM,
        more(t.PhiConfig, partial_rotary_factor=0.5),
        PHI,
        gguf=layered()("phi2"),
    ),
    Model(
        "starcoder2",
        t.Starcoder2ForCausalLM,
        more(t.Starcoder2Config, sliding_window=5, tie_word_embeddings=True),
        STARCODER,
    ),
    Model(
        "starcoder2-whole",
        t.Starcoder2ForCausalLM,
        more(t.Starcoder2Config, num_hidden_layers=1, tie_word_embeddings=True),
        STARCODER,
        gguf=layered("norm_epsilon")("starcoder2"),
    ),
    Model(
        "granite",
        t.GraniteForCausalLM,
        config(
            t.GraniteConfig,
            embedding_multiplier=3.0,
            residual_multiplier=0.6,
            attention_multiplier=0.25,
            logits_scaling=2.0,
            attention_bias=True,
        ),
        ALL,
        gguf=Granite("granite", pairs=True),
    ),
    Model(
        "cohere",
        t.CohereForCausalLM,
        more(t.CohereConfig, logit_scale=0.25, tie_word_embeddings=True),
        ALL,
        gguf=layered()("command-r"),
    ),
    Model(
        "cohere2",
        t.Cohere2ForCausalLM,
        more(
            t.Cohere2Config,
            logit_scale=0.25,
            tie_word_embeddings=True,
            sliding_window=5,
            num_hidden_layers=4,
            hidden_size=16,
            intermediate_size=24,
            num_attention_heads=2,
            num_key_value_heads=1,
        ),
        ALL,
        gguf=layered()("cohere2"),
    ),
    Model(
        "olmo",
        t.OlmoForCausalLM,
        more(t.OlmoConfig, clip_qkv=1.0),
        ALL,
        gguf=layered()("olmo", pairs=True),
    ),
    Model(
        "ernie4_5",
        t.Ernie4_5ForCausalLM,
        config(t.Ernie4_5Config, head_dim=12, tie_word_embeddings=True),
        ALL,
        gguf=Writer("ernie4_5"),
    ),
    Model("seed_oss", t.SeedOssForCausalLM, config(t.SeedOssConfig, head_dim=12), ALL, gguf=Writer("seed_oss")),
    Model("gptj", t.GPTJForCausalLM, gptj(), ["q_proj", "k_proj", "v_proj", "out_proj", "fc_in", "fc_out"]),
    Model("gpt_neo", t.GPTNeoForCausalLM, neo(), ["q_proj", "k_proj", "v_proj", "out_proj", "c_fc", "c_proj"]),
    Model(
        "gpt_bigcode",
        t.GPTBigCodeForCausalLM,
        bigcode(attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0),
        ["c_attn", "c_fc", "c_proj"],
        gguf=gguf_bigcode,
    ),
    Model(
        "glm",
        t.GlmForCausalLM,
        config(t.GlmConfig, head_dim=8, attention_bias=True, partial_rotary_factor=0.5),
        GLM,
        gguf=Writer("chatglm"),
    ),
    Model(
        "glm4",
        t.Glm4ForCausalLM,
        config(t.Glm4Config, head_dim=8, attention_bias=False, partial_rotary_factor=0.5),
        GLM,
        gguf=Writer("glm4"),
    ),
    Model(
        "olmo3",
        t.Olmo3ForCausalLM,
        config(
            t.Olmo3Config,
            **HYBRID,
            rope_parameters={
                "full_attention": {
                    "rope_type": "yarn",
                    "rope_theta": 5e5,
                    "factor": 4.0,
                    "original_max_position_embeddings": 16,
                },
                "sliding_attention": {"rope_type": "default", "rope_theta": 5e5},
            },
        ),
        ALL,
    ),
    Model("exaone4", t.Exaone4ForCausalLM, config(t.Exaone4Config, **HYBRID), ALL, gguf=Windowed("exaone4")),
    Model(
        "exaone4-whole",
        t.Exaone4ForCausalLM,
        config(
            t.Exaone4Config,
            **{**HYBRID, "sliding_window": None, "num_hidden_layers": 1, "layer_types": ["full_attention"]},
        ),
        ALL,
        gguf=Windowed("exaone4"),
    ),
    Model(
        "hunyuan",
        t.HunYuanDenseV1ForCausalLM,
        config(
            t.HunYuanDenseV1Config,
            head_dim=12,
            tie_word_embeddings=True,
            rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "alpha": 50.0, "factor": 1.0},
        ),
        ALL,
        gguf=Grown("hunyuan-dense"),
    ),
    Model("helium", t.HeliumForCausalLM, config(t.HeliumConfig, head_dim=8), ALL),
    Model(
        "nemotron",
        t.NemotronForCausalLM,
        more(t.NemotronConfig, head_dim=12, partial_rotary_factor=0.5),
        ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
        init=from_one,
        gguf=layered("norm_eps")("nemotron"),
    ),
    Model(
        "arcee",
        t.ArceeForCausalLM,
        config(t.ArceeConfig, mlp_bias=True),
        ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
        gguf=Writer("arcee", pairs=True),
    ),
]
