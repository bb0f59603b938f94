"""Tiny models that see images, for tiny_models.py: what is recorded is their text model, to which no image is shown."""

import json

import transformers as t
from safetensors.torch import load_file, save_file

from tiny_models import BOS, EOS, VOCAB, Model
from tiny_rope import config, from_one

TEXT = r".*language_model\..*\.(q|k|v|o|gate|up|down)_proj"
TOWER = dict(
    hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
)


def gemma3():
    text = t.Gemma3TextConfig(
        vocab_size=VOCAB,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=4,
        sliding_window=5,
        max_position_embeddings=131072,
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
        },
    )
    return t.Gemma3Config(
        text_config=text,
        vision_config=t.SiglipVisionConfig(vision_use_head=False, **TOWER),
        mm_tokens_per_image=1,
        image_token_index=VOCAB - 1,
        boi_token_index=VOCAB - 2,
        eoi_token_index=VOCAB - 3,
        eos_token_id=EOS,
        attn_implementation="eager",
    )


def terse(folder):
    """The text model's part as transformers 4 wrote it: what differs from the class's defaults, and no more."""
    with open(f"{folder}/config.json") as f:
        c = json.load(f)
    usual = t.Gemma3TextConfig().to_dict()
    text = {k: v for k, v in c["text_config"].items() if k == "model_type" or usual.get(k, None) != v}
    del text["rope_parameters"], text["layer_types"]
    text["rope_scaling"] = {"factor": 8.0, "rope_type": "linear"}
    c["text_config"] = text
    del c["tie_word_embeddings"]
    assert not {"num_attention_heads", "num_key_value_heads", "query_pre_attn_scalar"} & set(text)
    with open(f"{folder}/config.json", "w") as f:
        json.dump(c, f, indent=1)
        f.write("\n")


def llava():
    return t.LlavaConfig(
        text_config=config(t.LlamaConfig),
        vision_config=t.CLIPVisionConfig(**TOWER),
        image_token_index=VOCAB - 1,
        eos_token_id=EOS,
        bos_token_id=BOS,
        attn_implementation="eager",
    )


def qwen_text(cls, **more):
    return cls(
        vocab_size=VOCAB,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        **more,
    )


def qwen2_5_vl():
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 0]}
    return t.Qwen2_5_VLConfig(
        text_config=qwen_text(t.Qwen2_5_VLTextConfig, rope_parameters=rope).to_dict(),
        vision_config=dict(
            depth=1,
            hidden_size=8,
            intermediate_size=8,
            num_heads=2,
            out_hidden_size=16,
            fullatt_block_indexes=[0],
            patch_size=4,
            window_size=8,
        ),
        tie_word_embeddings=True,
        attn_implementation="eager",
    )


def flat(folder):
    """As transformers 4 first wrote it: the text model's numbers beside the others, its names without a part of their own."""
    with open(f"{folder}/config.json") as f:
        c = json.load(f)
    text = c.pop("text_config")
    for key in ("model_type", "rope_parameters", "layer_types", "tie_word_embeddings"):
        text.pop(key, None)
    c.update({k: v for k, v in text.items() if k not in c})
    c["rope_theta"], c["rope_scaling"] = 1e4, {"type": "mrope", "mrope_section": [1, 1, 0]}
    with open(f"{folder}/config.json", "w") as f:
        json.dump(c, f, indent=1)
        f.write("\n")
    path = f"{folder}/model.safetensors"
    state = {
        k.replace("model.language_model.", "model.").replace("model.visual.", "visual."): v
        for k, v in load_file(path).items()
    }
    save_file(state, path, metadata={"format": "pt"})


def qwen3_vl():
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 1], "mrope_interleaved": True}
    return t.Qwen3VLConfig(
        text_config=qwen_text(t.Qwen3VLTextConfig, head_dim=6, rope_parameters=rope).to_dict(),
        vision_config=dict(
            depth=1,
            hidden_size=8,
            intermediate_size=8,
            num_heads=2,
            out_hidden_size=16,
            deepstack_visual_indexes=[0],
            patch_size=4,
            num_position_embeddings=4,
        ),
        attn_implementation="eager",
    )


def mistral3():
    return t.Mistral3Config(
        text_config=config(t.MistralConfig, sliding_window=5, head_dim=6).to_dict(),
        vision_config=dict(model_type="pixtral", **TOWER),
        image_token_index=VOCAB - 1,
        tie_word_embeddings=False,
        attn_implementation="eager",
    )


def newer(folder):
    """Names as the modules are called, which transformers reads as well."""
    path = f"{folder}/model.safetensors"
    state = {}
    for k, v in load_file(path).items():
        k = "model." + k
        state[
            k.replace("model.language_model.model.", "model.language_model.").replace(
                "model.language_model.lm_head.", "lm_head."
            )
        ] = v
    save_file(state, path, metadata={"format": "pt"})


MODELS = [
    Model("gemma3-vision", t.Gemma3ForConditionalGeneration, gemma3(), TEXT, init=from_one, finish=terse),
    Model("llava", t.LlavaForConditionalGeneration, llava(), TEXT, finish=newer),
    Model("mistral3", t.Mistral3ForConditionalGeneration, mistral3(), TEXT),
    Model("qwen2_5_vl", t.Qwen2_5_VLForConditionalGeneration, qwen2_5_vl(), TEXT, finish=flat),
    Model("qwen3_vl", t.Qwen3VLForConditionalGeneration, qwen3_vl(), TEXT),
]
