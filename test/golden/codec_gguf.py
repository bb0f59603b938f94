#!/usr/bin/env python3
"""Records test/data/codec/<type>.bin for the ten GGUF types, with the `gguf` package as the reference.

    python test/golden/codec_gguf.py OUTPUT_FOLDER

Each file is a run of parts, a part being its size in bytes (uint32) and the bytes:
    1. random valid blocks           2. gguf.quants.dequantize of them, f32
and, for the types that gguf can quantize,
    3. f32 values, with awkward ones  4. gguf.quants.quantize of them
"""
import struct
import sys

import numpy as np
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T

# Offsets of the half-precision numbers in a block; the other bytes may be anything.
HALVES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
    T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
}
ENCODES = {T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0}


def random_blocks(rng, kind, n):
    size = GGML_QUANT_SIZES[kind][1]
    blocks = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for at in HALVES[kind]:
        d = (rng.standard_normal(n) * np.exp2(rng.integers(-20, 6, n))).astype(np.float16)
        d[:3] = [0, np.float16(6e-8), np.float16(-1)]
        blocks[:, at:at + 2] = d.view(np.uint8).reshape(n, 2)
    return blocks


def awkward_values(rng, per, n):
    x = (rng.standard_normal((n, per)) * np.exp2(rng.integers(-12, 6, (n, 1)))).astype(np.float32)
    x[0] = 0
    x[1] = np.float32(0.375)
    x[2] = -x[1]
    x[3] = np.linspace(-1, 1, per, dtype=np.float32)
    x[4] = np.arange(per, dtype=np.float32) / 2 - 7.5  # halves for the rounding rules
    x[5, 1:] = 0
    x[6] = np.where(np.arange(per) % 2, np.float32(1), np.float32(-1))
    x[7] = (np.arange(per, dtype=np.float32) - 16) * np.float32(127.0 / 16 / 127)
    x[8] = np.abs(x[8])
    return x


def main(folder):
    for kind in HALVES:
        rng = np.random.default_rng(int(kind))
        per = GGML_QUANT_SIZES[kind][0]
        n = 32 if per == 32 else 12
        blocks = random_blocks(rng, kind, n)
        parts = [blocks, quants.dequantize(blocks, kind).astype("<f4")]
        assert np.isfinite(parts[1]).all()
        if kind in ENCODES:
            x = awkward_values(rng, per, n)
            packed = quants.quantize(x, kind)
            error = np.sqrt(np.mean((quants.dequantize(packed, kind) - x) ** 2) / np.mean(x ** 2))
            print(f"{kind.name}: relative error of gguf's encoder {error:.6f}")
            parts += [x, packed]
        with open(f"{folder}/{kind.name.lower()}.bin", "wb") as f:
            for p in parts:
                raw = np.ascontiguousarray(p).tobytes()
                f.write(struct.pack("<I", len(raw)) + raw)


main(sys.argv[1])
