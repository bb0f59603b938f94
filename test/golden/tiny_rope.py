"""Tiny decoders with RMSNorm and rotary positions, for tiny_models.py."""
import torch
import transformers as t

from tiny_gguf import Writer
from tiny_models import BOS, EOS, VOCAB, Model

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def config(cls, **more):
    usual = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False,
                 bos_token_id=BOS, eos_token_id=EOS, pad_token_id=None, attn_implementation="eager")
    return cls(**{**usual, **more})


def from_one(name, p):
    """Norms whose stored weights count from 1."""
    return 0.3 * torch.randn_like(p) if "norm" in name else None


LONG = [(5, 4), (20, 30), (1, 9), (3, 17)]  # beyond a context of 32


def scaled(kind, context=64, **more):
    return config(t.LlamaConfig, max_position_embeddings=context, num_hidden_layers=1,
                  rope_parameters={"rope_type": kind, "rope_theta": 10000.0, **more})


MODELS = [
    Model("llama-bias", t.LlamaForCausalLM, config(t.LlamaConfig, attention_bias=True, mlp_bias=True), ALL,
          gguf=Writer("llama", pairs=True)),
    Model("llama-linear", t.LlamaForCausalLM, scaled("linear", factor=4.0), ALL),
    Model("llama-dynamic", t.LlamaForCausalLM, scaled("dynamic", context=32, factor=3.0), ALL, rows=LONG),
    Model("llama-llama3", t.LlamaForCausalLM,
          scaled("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                 original_max_position_embeddings=128), ALL,
          gguf=Writer("llama", pairs=True)),
    Model("llama-yarn", t.LlamaForCausalLM, scaled("yarn", factor=4.0, original_max_position_embeddings=16), ALL),
    Model("mistral", t.MistralForCausalLM, config(t.MistralConfig, sliding_window=6, head_dim=8), ALL),
    Model("qwen2", t.Qwen2ForCausalLM, config(t.Qwen2Config, tie_word_embeddings=True), ALL, gguf=Writer("qwen2")),
    Model("qwen3", t.Qwen3ForCausalLM, config(t.Qwen3Config, head_dim=16), ALL, gguf=Writer("qwen3")),
    Model("gemma", t.GemmaForCausalLM,
          config(t.GemmaConfig, head_dim=12, num_key_value_heads=1, tie_word_embeddings=True), ALL, init=from_one,
          gguf=Writer("gemma", offset=True)),
    Model("gemma2", t.Gemma2ForCausalLM,
          config(t.Gemma2Config, head_dim=12, tie_word_embeddings=True, sliding_window=5, query_pre_attn_scalar=12,
                 attn_logit_softcapping=3.0, final_logit_softcapping=8.0), ALL, init=from_one,
          gguf=Writer("gemma2", offset=True)),
    Model("gemma3", t.Gemma3ForCausalLM,
          config(t.Gemma3TextConfig, head_dim=12, tie_word_embeddings=True, sliding_window=5, query_pre_attn_scalar=12,
                 num_hidden_layers=6, hidden_size=16, intermediate_size=16, num_attention_heads=2,
                 num_key_value_heads=1,
                 rope_parameters={"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                                  "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}),
          ALL, init=from_one, gguf=Writer("gemma3", offset=True)),
    Model("phi3", t.Phi3ForCausalLM,
          config(t.Phi3Config, num_hidden_layers=1, sliding_window=12, original_max_position_embeddings=16,
                 partial_rotary_factor=0.75,
                 rope_parameters={"rope_type": "longrope", "rope_theta": 10000.0, "partial_rotary_factor": 0.75,
                                  "original_max_position_embeddings": 16,
                                  "short_factor": [1.0, 1.25, 2.0], "long_factor": [1.5, 3.0, 7.0]}),
          ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"], rows=LONG, gguf=Writer("phi3")),
    Model("smollm3", t.SmolLM3ForCausalLM,
          config(t.SmolLM3Config, tie_word_embeddings=True, no_rope_layers=[1, 1, 1, 0], num_hidden_layers=4,
                 hidden_size=16, intermediate_size=24, head_dim=8), ALL, gguf=Writer("smollm3", pairs=True, split=20)),
    Model("qwen2-window", t.Qwen2ForCausalLM,
          config(t.Qwen2Config, use_sliding_window=True, sliding_window=5, max_window_layers=1), ALL),
]
