"""Tiny decoders with RMSNorm and rotary positions, for tiny_models.py."""

import torch
import transformers as t

from tiny_gguf import Writer
from tiny_models import BOS, EOS, VOCAB, Model

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def config(cls, **more):
    usual = dict(
        vocab_size=VOCAB,
        hidden_size=32,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=None,
        attn_implementation="eager",
    )
    return cls(**{**usual, **more})


def from_one(name, p):
    """Norms whose stored weights count from 1."""
    return 0.3 * torch.randn_like(p) if "norm" in name else None


class Experts(torch.nn.ModuleList):
    """The experts of transformers 4: three projections each, which PEFT can adapt; the same function as the merged ones
    of transformers 5, over the same numbers."""

    def __init__(self, merged, names):
        super().__init__()
        self.names = names
        for e in range(merged.gate_up_proj.shape[0]):
            gate, up = merged.gate_up_proj[e].detach().chunk(2)
            one = torch.nn.Module()
            for name, w in zip(names, (gate, up, merged.down_proj[e].detach())):
                linear = torch.nn.Linear(w.shape[1], w.shape[0], bias=False)
                linear.weight.data.copy_(w)
                setattr(one, name, linear)
            self.append(one)

    def forward(self, x, chosen, weights):
        out = torch.zeros_like(x)
        for e, one in enumerate(self):
            gate, up, down = (getattr(one, n) for n in self.names)
            row, place = torch.where(chosen == e)
            if len(row):
                y = down(torch.nn.functional.silu(gate(x[row])) * up(x[row]))
                out.index_add_(0, row, y * weights[row, place, None])
        return out


def unmerged(names):
    def wrap(model):
        ids = torch.arange(3, 23)[None]
        before = model(input_ids=ids).logits
        for layer in model.model.layers:
            if hasattr(layer.mlp, "experts"):
                layer.mlp.experts = Experts(layer.mlp.experts, names)
        assert (model(input_ids=ids).logits - before).abs().max() < 1e-5
        model.config.model_type = "unmerged"  # or PEFT takes the targets for names of merged parameters
        return model

    return wrap


def expert(name, p):
    return torch.randn_like(p) * 1.5 / p.shape[-1] ** 0.5 if p.ndim == 3 or name.endswith("gate.weight") else None


QWEN = unmerged(["gate_proj", "up_proj", "down_proj"])
LONG = [(5, 4), (20, 30), (1, 9), (3, 17)]  # beyond a context of 32


def scaled(kind, context=64, **more):
    return config(
        t.LlamaConfig,
        max_position_embeddings=context,
        num_hidden_layers=1,
        rope_parameters={"rope_type": kind, "rope_theta": 10000.0, **more},
    )


MODELS = [
    Model(
        "llama-bias",
        t.LlamaForCausalLM,
        config(t.LlamaConfig, attention_bias=True, mlp_bias=True),
        ALL,
        gguf=Writer("llama", pairs=True),
    ),
    Model("llama-linear", t.LlamaForCausalLM, scaled("linear", factor=4.0), ALL),
    Model("llama-dynamic", t.LlamaForCausalLM, scaled("dynamic", context=32, factor=3.0), ALL, rows=LONG),
    Model(
        "llama-llama3",
        t.LlamaForCausalLM,
        scaled("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=128),
        ALL,
        gguf=Writer("llama", pairs=True),
    ),
    Model("llama-yarn", t.LlamaForCausalLM, scaled("yarn", factor=4.0, original_max_position_embeddings=16), ALL),
    Model(
        "ministral",
        t.MinistralForCausalLM,
        config(t.MinistralConfig, head_dim=8, sliding_window=5, layer_types=["full_attention", "sliding_attention"]),
        ALL,
    ),
    Model("mistral", t.MistralForCausalLM, config(t.MistralConfig, sliding_window=6, head_dim=8), ALL),
    Model("qwen2", t.Qwen2ForCausalLM, config(t.Qwen2Config, tie_word_embeddings=True), ALL, gguf=Writer("qwen2")),
    Model("qwen3", t.Qwen3ForCausalLM, config(t.Qwen3Config, head_dim=16), ALL, gguf=Writer("qwen3")),
    Model(
        "gemma",
        t.GemmaForCausalLM,
        config(t.GemmaConfig, head_dim=12, num_key_value_heads=1, tie_word_embeddings=True),
        ALL,
        init=from_one,
        gguf=Writer("gemma", offset=True),
    ),
    Model(
        "gemma2",
        t.Gemma2ForCausalLM,
        config(
            t.Gemma2Config,
            head_dim=12,
            tie_word_embeddings=True,
            sliding_window=5,
            query_pre_attn_scalar=12,
            attn_logit_softcapping=3.0,
            final_logit_softcapping=8.0,
        ),
        ALL,
        init=from_one,
        gguf=Writer("gemma2", offset=True),
    ),
    Model(
        "gemma3",
        t.Gemma3ForCausalLM,
        config(
            t.Gemma3TextConfig,
            head_dim=12,
            tie_word_embeddings=True,
            sliding_window=5,
            query_pre_attn_scalar=12,
            num_hidden_layers=6,
            hidden_size=16,
            intermediate_size=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            rope_parameters={
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
            },
        ),
        ALL,
        init=from_one,
        gguf=Writer("gemma3", offset=True),
    ),
    Model(
        "phi3",
        t.Phi3ForCausalLM,
        config(
            t.Phi3Config,
            num_hidden_layers=1,
            sliding_window=12,
            original_max_position_embeddings=16,
            partial_rotary_factor=0.75,
            rope_parameters={
                "rope_type": "longrope",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 0.75,
                "original_max_position_embeddings": 16,
                "short_factor": [1.0, 1.25, 2.0],
                "long_factor": [1.5, 3.0, 7.0],
            },
        ),
        ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"],
        rows=LONG,
        gguf=Writer("phi3"),
    ),
    Model(
        "mixtral",
        t.MixtralForCausalLM,
        config(
            t.MixtralConfig,
            num_local_experts=4,
            num_experts_per_tok=2,
            hidden_size=16,
            intermediate_size=24,
            head_dim=8,
            num_attention_heads=2,
            num_key_value_heads=1,
            sliding_window=None,
        ),
        ["q_proj", "o_proj", "w1", "w2", "w3"],
        init=expert,
        wrap=unmerged(["w1", "w3", "w2"]),
        rename=("mlp", "block_sparse_moe"),
        gguf=Writer("llama", pairs=True, experts=True, old=True),
    ),
    Model(
        "qwen2-moe",
        t.Qwen2MoeForCausalLM,
        config(
            t.Qwen2MoeConfig,
            num_experts=4,
            num_experts_per_tok=2,
            hidden_size=16,
            intermediate_size=32,
            num_attention_heads=2,
            num_key_value_heads=2,
            moe_intermediate_size=16,
            shared_expert_intermediate_size=24,
            mlp_only_layers=[0],
        ),
        ["q_proj", "gate_proj", "up_proj", "down_proj", "shared_expert_gate"],
        init=expert,
        wrap=QWEN,
    ),
    Model(
        "qwen2-moe-all",
        t.Qwen2MoeForCausalLM,
        config(
            t.Qwen2MoeConfig,
            num_experts=5,
            num_experts_per_tok=3,
            hidden_size=16,
            intermediate_size=32,
            num_attention_heads=2,
            num_key_value_heads=2,
            moe_intermediate_size=16,
            num_hidden_layers=1,
            shared_expert_intermediate_size=24,
        ),
        ["v_proj", "down_proj"],
        init=expert,
        wrap=QWEN,
        gguf=Writer("qwen2moe", experts=True),
    ),
    Model(
        "qwen3-moe",
        t.Qwen3MoeForCausalLM,
        config(
            t.Qwen3MoeConfig,
            num_experts=6,
            num_experts_per_tok=2,
            hidden_size=16,
            intermediate_size=32,
            num_attention_heads=2,
            num_key_value_heads=1,
            moe_intermediate_size=16,
            head_dim=12,
            norm_topk_prob=True,
        ),
        ["q_proj", "k_proj", "gate_proj", "up_proj", "down_proj"],
        init=expert,
        wrap=QWEN,
        gguf=Writer("qwen3moe", experts=True),
    ),
    Model("olmo2", t.Olmo2ForCausalLM, config(t.Olmo2Config), ALL, gguf=Writer("olmo2")),
    Model(
        "smollm3",
        t.SmolLM3ForCausalLM,
        config(
            t.SmolLM3Config,
            tie_word_embeddings=True,
            no_rope_layers=[1, 1, 1, 0],
            num_hidden_layers=4,
            hidden_size=16,
            intermediate_size=24,
            head_dim=8,
        ),
        ALL,
        gguf=Writer("smollm3", pairs=True, split=20),
    ),
    Model(
        "qwen2-window",
        t.Qwen2ForCausalLM,
        config(t.Qwen2Config, use_sliding_window=True, sliding_window=5, max_window_layers=1),
        ALL,
    ),
]
