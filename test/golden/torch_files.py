"""Records files of torch.save() for the tests of format/torch_file.c, into test/data/format/torch/.

    zip.bin          as torch writes now: several types, views of one storage, a parameter, an empty tensor
    legacy.bin       the same as it wrote before 1.6
    transposed.bin   a tensor whose elements are in another order
    hostile.bin      a pickle that calls os.system when Python reads it
    model/           tiny-llama's file of another family: config.json and pytorch_model.bin in two files
    with their index

Run with torch:  python3 test/golden/torch_files.py
"""

import json, os, shutil
import torch
from collections import OrderedDict
from safetensors.torch import load_file

DATA = os.path.join(os.path.dirname(__file__), "..", "data")
OUT = os.path.join(DATA, "format", "torch")


class Hostile:
    def __reduce__(self):
        return os.system, ("true",)


def state():
    base = torch.arange(24, dtype=torch.float32)
    d = OrderedDict()
    d["f32"] = base[:12].reshape(3, 4)
    d["view"] = base[12:].reshape(2, 6)
    d["bf16"] = torch.arange(5).to(torch.bfloat16) / 4
    d["f16"] = torch.arange(6).reshape(2, 3).to(torch.float16) - 2
    d["parameter"] = torch.nn.Parameter(torch.tensor([[0.5, -1.5]]))
    d["i64"] = torch.tensor([7, -8, 1 << 40])
    d["empty"] = torch.zeros(0, 3)
    d["scalar"] = torch.tensor(2.25)
    d._metadata = OrderedDict([("", {"version": 1})])
    return d


shutil.rmtree(OUT, ignore_errors=True)
os.makedirs(f"{OUT}/model")
torch.save(state(), f"{OUT}/zip.bin")
torch.save(state(), f"{OUT}/legacy.bin", _use_new_zipfile_serialization=False)
torch.save({"t": torch.arange(6.0).reshape(2, 3).t()}, f"{OUT}/transposed.bin")
torch.save({"t": Hostile()}, f"{OUT}/hostile.bin")
source = os.path.join(DATA, "model", "tiny", "llama-linear")
shutil.copy(f"{source}/config.json", f"{OUT}/model/config.json")
tensors = load_file(f"{source}/model.safetensors")
names, where = sorted(tensors), {}
for k in range(2):
    part = OrderedDict((n, tensors[n]) for n in names[k::2])
    file = f"pytorch_model-{k + 1:05d}-of-00002.bin"
    torch.save(part, f"{OUT}/model/{file}")
    where.update({n: file for n in part})
with open(f"{OUT}/model/pytorch_model.bin.index.json", "w") as f:
    json.dump({"metadata": {}, "weight_map": where}, f, indent=1)
with open(f"{OUT}/README.md", "w") as f:
    f.write("What torch.save() writes, recorded by test/golden/torch_files.py.\n")
