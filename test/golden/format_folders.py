"""Records model folders, a GGUF file and adapters as transformers, bitsandbytes, gguf and PEFT write them.

Writes test/data/format/: one random Llama of about 5,000 parameters as
  untied/    BF16, one file              sharded/   F16, tied, three or more shards and their index
  nf4/       bitsandbytes NF4, double    fp4/       FP4, plain scales        int8/   LLM.int8
  tiny.gguf  F32, F16 and Q8_0 tensors, q and k in the order of the rotary pairs
  adapter/   saved by PEFT, with patterns of rank and alpha and rank-stabilized scale, in BF16
and expected.json: for each, every tensor's shape and two sums over its float values x[i] in the order of Hugging
Face: of x[i], and of x[i] * (1 + 37 i mod 101), which changes when two values change places.

Run with the packages named above installed:  python3 test/golden/format_folders.py
"""
import json, os, shutil, torch, numpy as np, gguf
import bitsandbytes as bnb, bitsandbytes.functional as F
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM
from peft import LoraConfig, get_peft_model

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "format")
VOCAB, WIDTH, FFN, LAYERS, HEADS, KV = 40, 32, 64, 2, 4, 2
expected = {}


def sums(x):
    x = x.detach().to(torch.float64).flatten().numpy()
    return [float(x.sum()), float((x * (1 + 37 * np.arange(x.size) % 101)).sum())]


def record(name, tensors):
    expected[name] = {k: {"shape": list(v.shape), "sums": sums(v)} for k, v in sorted(tensors.items())}


def folder(name):
    path = os.path.join(OUT, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def model(tied):
    torch.manual_seed(11 + tied)
    m = LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=FFN, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=KV, max_position_embeddings=128, tie_word_embeddings=tied,
        rope_parameters={"rope_type": "default", "rope_theta": 50000.0}, eos_token_id=[2, 5], pad_token_id=0))
    for n, p in m.named_parameters():
        torch.nn.init.normal_(p, 1.0 if "norm" in n else 0.0, 0.1)
    return m


def plain(m):
    return {k: v for k, v in m.state_dict().items() if not (m.config.tie_word_embeddings and k == "lm_head.weight")}


def write_plain():
    m = model(False).to(torch.bfloat16)
    m.save_pretrained(folder("untied"))
    record("untied", plain(m))
    m = model(True).to(torch.float16)
    m.save_pretrained(folder("sharded"), max_shard_size="12KB")
    record("sharded", plain(m))


def decode_4bit(data, q):
    """code[nibble] * absmax of the block, blocks running over the flat tensor as the quantizer makes them.

    bitsandbytes 0.50's dequantize_4bit on the CPU starts a block anew at each row, which is the same when a row is a
    whole number of blocks and wrong when it is not (width 32 here), so it is only compared where it is right.
    """
    absmax = q.absmax
    if q.nested:
        absmax = F.dequantize_blockwise(q.absmax, q.state2) + q.offset
    codes = torch.stack([data.flatten() >> 4, data.flatten() & 15], 1).flatten().long()
    x = (q.code[codes] * absmax.float().repeat_interleave(q.blocksize)[:codes.numel()]).reshape(q.shape)
    if q.shape[-1] % q.blocksize == 0:
        assert torch.equal(x, F.dequantize_4bit(data, q))
    return x


def quantized(kind):
    """The state dict of a model whose projections bitsandbytes quantized, and what it decodes to."""
    base, state, decoded = model(False), {}, {}
    for name, w in base.state_dict().items():
        if not name.endswith("_proj.weight"):
            state[name] = decoded[name] = w
        elif kind == "int8":
            codes, scb, _ = F.int8_vectorwise_quant(w.to(torch.float16))
            state[name], state[name[:-6] + "SCB"] = codes, scb.to(torch.float32)
            state[name[:-6] + "weight_format"] = torch.tensor(0, dtype=torch.uint8)
            decoded[name] = codes.to(torch.float64) * scb.to(torch.float64)[:, None] / 127
        else:
            layer = bnb.nn.Linear4bit(w.shape[1], w.shape[0], bias=False, quant_type=kind,
                                      compress_statistics=kind == "nf4")
            layer.weight = bnb.nn.Params4bit(w, requires_grad=False, quant_type=kind,
                                             compress_statistics=kind == "nf4")
            layer = layer.to("cpu")
            if layer.weight.quant_state is None:
                layer.weight._quantize("cpu")
            for k, v in layer.state_dict().items():
                state[name[:-6] + k] = v
            decoded[name] = decode_4bit(layer.weight.data, layer.weight.quant_state)
    return base, state, decoded


def write_quantized(kind):
    base, state, decoded = quantized(kind)
    path = folder(kind)
    base.config.architectures = ["LlamaForCausalLM"]
    base.config.save_pretrained(path)
    with open(os.path.join(path, "config.json")) as f:
        config = json.load(f)
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": kind != "int8",
                                     "load_in_8bit": kind == "int8", "bnb_4bit_quant_type": kind}
    with open(os.path.join(path, "config.json"), "w") as f:
        json.dump(config, f, indent=2, sort_keys=True)
    save_file({k: v.contiguous() for k, v in state.items()}, os.path.join(path, "model.safetensors"),
              metadata={"format": "pt"})
    record(kind, decoded)


GGUF_NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
              "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
              "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def gguf_name(name):
    for hf, g in {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}.items():
        if name == hf + ".weight":
            return g + ".weight"
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{GGUF_NAMES[rest[:-7]]}.weight"


def write_gguf():
    m = model(False)
    w = gguf.GGUFWriter(os.path.join(OUT, "tiny.gguf"), "llama")
    w.add_block_count(LAYERS); w.add_context_length(128); w.add_embedding_length(WIDTH)
    w.add_feed_forward_length(FFN); w.add_head_count(HEADS); w.add_head_count_kv(KV)
    w.add_rope_freq_base(50000.0); w.add_layer_norm_rms_eps(1e-6); w.add_rope_dimension_count(WIDTH // HEADS)
    w.add_tokenizer_model("gpt2"); w.add_token_list([f"t{i}" for i in range(VOCAB)])
    w.add_token_scores([-0.5 * i for i in range(VOCAB)]); w.add_token_types([1] * VOCAB)
    w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_eot_token_id(5); w.add_pad_token_id(0); w.add_unk_token_id(3)
    w.add_add_bos_token(True); w.add_chat_template("{{ messages }}\n\"quoted\"")
    w.add_int64("test.negative", -5); w.add_float64("test.double", 0.1); w.add_array("test.bytes", [7, -8, 9])
    decoded = {}
    for name, t in m.state_dict().items():
        x = t.numpy()
        heads = HEADS if "q_proj" in name else KV if "k_proj" in name else 0
        kind = gguf.GGMLQuantizationType.F32
        if "embed" in name: kind = gguf.GGMLQuantizationType.F16
        elif "_proj" in name: kind = gguf.GGMLQuantizationType.Q8_0
        q = gguf.quants.quantize(x, kind)
        decoded[name] = torch.from_numpy(gguf.quants.dequantize(q, kind).reshape(x.shape).copy())
        if heads:
            q = q.reshape(heads, 2, q.shape[0] // heads // 2, *q.shape[1:]).swapaxes(1, 2).reshape(q.shape)
        w.add_tensor(gguf_name(name), np.ascontiguousarray(q), raw_dtype=kind)
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
    record("tiny.gguf", decoded)


def write_adapter():
    torch.manual_seed(5)
    p = get_peft_model(model(False), LoraConfig(
        r=4, lora_alpha=6, use_rslora=True, lora_dropout=0.125, target_modules=["q_proj", "v_proj", "down_proj"],
        rank_pattern={"layers.1.self_attn.q_proj": 2}, alpha_pattern={"down_proj": 3}, task_type="CAUSAL_LM"))
    with torch.no_grad():
        for n, v in p.named_parameters():
            if "lora_B" in n: v.normal_()
    p = p.to(torch.bfloat16)
    p.peft_config["default"].base_model_name_or_path = "made/up"
    path = folder("adapter")
    p.save_pretrained(path)
    os.remove(os.path.join(path, "README.md"))
    with open(os.path.join(path, "adapter_config.json")) as f:
        config = json.load(f)
    config["target_modules"].sort()  # a set in PEFT, written in any order
    with open(os.path.join(path, "adapter_config.json"), "w") as f:
        json.dump(config, f, indent=2, sort_keys=True)
    record("adapter", {k[len("base_model.model."):]: v for k, v in
                       load_file(os.path.join(path, "adapter_model.safetensors")).items()})
    expected["adapter scales"] = {n[len("base_model.model."):]: v.scaling["default"]
                                  for n, v in p.named_modules()
                                  if isinstance(getattr(v, "scaling", None), dict)}


os.makedirs(OUT, exist_ok=True)
write_plain()
for kind in ("nf4", "fp4", "int8"):
    write_quantized(kind)
write_gguf()
write_adapter()
with open(os.path.join(OUT, "expected.json"), "w") as f:
    json.dump(expected, f, indent=0, sort_keys=True)
for root, _, files in os.walk(OUT):
    for name in files:
        os.chmod(os.path.join(root, name), 0o644)
