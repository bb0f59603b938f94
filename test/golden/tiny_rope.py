"""Tiny decoders with RMSNorm and rotary positions, for tiny_models.py."""
import transformers as t

from tiny_models import BOS, EOS, VOCAB, Model

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def config(cls, **more):
    usual = dict(vocab_size=VOCAB, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False,
                 bos_token_id=BOS, eos_token_id=EOS, pad_token_id=None, attn_implementation="eager")
    return cls(**{**usual, **more})


LONG = [(5, 4), (20, 30), (1, 9), (3, 17)]  # beyond a context of 32


def scaled(kind, context=64, **more):
    return config(t.LlamaConfig, max_position_embeddings=context, num_hidden_layers=1,
                  rope_parameters={"rope_type": kind, "rope_theta": 10000.0, **more})


MODELS = [
    Model("llama-bias", t.LlamaForCausalLM, config(t.LlamaConfig, attention_bias=True, mlp_bias=True), ALL),
    Model("llama-linear", t.LlamaForCausalLM, scaled("linear", factor=4.0), ALL),
    Model("llama-dynamic", t.LlamaForCausalLM, scaled("dynamic", context=32, factor=3.0), ALL, rows=LONG),
    Model("llama-llama3", t.LlamaForCausalLM,
          scaled("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                 original_max_position_embeddings=128), ALL),
    Model("llama-yarn", t.LlamaForCausalLM, scaled("yarn", factor=4.0, original_max_position_embeddings=16), ALL),
    Model("mistral", t.MistralForCausalLM, config(t.MistralConfig, sliding_window=6, head_dim=8), ALL),
    Model("qwen2", t.Qwen2ForCausalLM, config(t.Qwen2Config, tie_word_embeddings=True), ALL),
    Model("qwen2-window", t.Qwen2ForCausalLM,
          config(t.Qwen2Config, use_sliding_window=True, sliding_window=5, max_window_layers=1), ALL),
]
