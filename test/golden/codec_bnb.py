#!/usr/bin/env python3
"""Records test/data/codec/{nf4,fp4,int8}*.bin with bitsandbytes on the CPU as the reference.

    python test/golden/codec_bnb.py OUTPUT_FOLDER

Each file is a run of parts, a part being its size in bytes (uint32) and the bytes.

<type>_<name>.bin:  1. rows, cols (int32)     2. values, f16            3. packed codes
                    4. absmax, f32            5. the last values that dequantize_4bit gives, f32 (of the
                                                 state of 6-8 if nested)
nested, more:       6. nested codes of bitsandbytes   7. nested absmax   8. offset, nested map (257 f32)
                    9. nested codes by exact nearest level (computed here from 4, with the map of 10)
                   10. nested map by the scalar rule, f32 [256]
int8.bin:           1. rows, cols   2. values, f16   3. codes   4. scb, f32   5. dequantized, f32

Why 9 exists: the CPU quantizer of bitsandbytes finds 8-bit codes through a table of 65,536 bins, which
is coarser than the levels near zero. Its CUDA kernels, and we, take the nearest level. This script
checks that the two agree except where a bin explains the difference, and records both.

The last, short block of a tensor is divided by its absmax there and multiplied by the reciprocal in the
CUDA kernels and here; the values below are not near enough to a midpoint to tell.
"""
import struct
import sys

import bitsandbytes.functional as bnb
import numpy as np
import torch

F = np.float32


def scalar_map():
    """The signed dynamic map in single precision, one operation at a time."""
    levels = [F(0), F(1)]
    for e, decade in enumerate([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]):
        parts = 2 ** e
        step = F(F(1) - F(0.1)) / F(parts)
        half = (parts + 1) // 2
        edge = [F(0.1) + step * F(i) if i < half else F(1) - step * F(parts - i) for i in range(parts + 1)]
        for a, b in zip(edge, edge[1:]):
            level = F(decade) * (F(a + b) / F(2))
            levels += [level, -level]
    return np.sort(np.array(levels, dtype=F))


def exact_codes(absmax, level):
    offset = F(np.mean(absmax.astype(np.float64)))
    middle = (level[:-1] + level[1:]) / F(2)
    codes = np.empty(absmax.size, np.uint8)
    scaled = np.empty(absmax.size, F)
    for b in range(0, absmax.size, 256):
        z = absmax[b:b + 256] - offset
        scaled[b:b + 256] = z * (F(1) / np.abs(z).max())
    codes[:] = np.searchsorted(middle, scaled, side="left")
    return codes, scaled


def check_nested(ours, theirs, scaled, level):
    """A bin is 2/65536 wide: where the rules differ, both levels are about as near, or v is tiny."""
    differ = ours != theirs
    a = np.abs(level[ours[differ]] - scaled[differ])
    b = np.abs(level[theirs[differ]] - scaled[differ])
    assert (b >= a - 1e-6).all(), "the exact rule is never further away"
    assert (b - a < 1e-4).all(), "a difference that no bin explains"
    print(f"  nested codes: {differ.sum()} of {differ.size} differ from the CPU quantizer")


def write(folder, name, parts):
    with open(f"{folder}/{name}.bin", "wb") as f:
        for p in parts:
            raw = np.ascontiguousarray(p).tobytes()
            f.write(struct.pack("<I", len(raw)) + raw)


def four_bits(folder, kind, name, x, nested):
    shape = np.array(x.shape, np.int32)
    half, x = x, x.astype(F)
    packed, plain = bnb.quantize_4bit(torch.from_numpy(x), quant_type=kind)
    absmax = plain.absmax.numpy()
    parts = [shape, half, packed.numpy(), absmax]
    if not nested:
        write(folder, f"{kind}_{name}", parts + [bnb.dequantize_4bit(packed, plain).numpy()])
        return
    packed, state = bnb.quantize_4bit(torch.from_numpy(x), quant_type=kind, compress_statistics=True)
    offset = state.offset.numpy().reshape(1)
    level = scalar_map()
    codes, scaled = exact_codes(absmax, level)
    print(f"{kind}_{name}: map differs in {(level != state.state2.code.numpy()).sum()} of 256, "
          f"offset by {float(offset[0]) - np.mean(absmax.astype(np.float64)):.2e}")
    check_nested(codes, state.absmax.numpy(), scaled, level)
    back = bnb.dequantize_4bit(packed, state).numpy().ravel()
    parts += [back[-2500:], state.absmax.numpy(), state.state2.absmax.numpy(),
              np.concatenate([offset, state.state2.code.numpy()]), codes, level]
    write(folder, f"{kind}_{name}", parts)


def normal(rng, rows, cols):
    return (rng.standard_normal((rows, cols)) * 0.02).astype(np.float16)


def main(folder):
    rng = np.random.default_rng(7)
    for kind in ["nf4", "fp4"]:
        plain = normal(rng, 6, 64)
        plain[1] = 0  # a block of zeros
        plain[2] = np.linspace(-1, 1, 64)
        four_bits(folder, kind, "plain", plain, False)
        four_bits(folder, kind, "tail", normal(rng, 5, 100), False)  # blocks span rows, the last is short
        four_bits(folder, kind, "odd", normal(rng, 3, 37), False)    # and holds an odd number
        four_bits(folder, kind, "nested", normal(rng, 25, 100), True)
    four_bits(folder, "nf4", "nested_long", normal(rng, 33, 510), True)  # more than one block of absmax

    x = normal(rng, 7, 45)
    x[3] = np.arange(-22, 23) * 0.5  # scb 11: many halves
    x[4] = np.linspace(-127, 127, 45)
    q, scb, _ = bnb.int8_vectorwise_quant(torch.from_numpy(x).float())
    back = bnb.int8_vectorwise_dequant(q, scb)
    write(folder, "int8", [np.array(x.shape, np.int32), x, q.numpy(), scb.numpy(), back.numpy()])


main(sys.argv[1])
