"""Writes test/vectors/models.json: what torchvision's networks make of weights and images that both sides compute from a hash.

Run with a Python that has torch and torchvision: python scripts/model-vectors.py
"""

import json
import pathlib

import numpy
import torch
import torchvision

NAMES = {
    "alexnet": "alexnet",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "resnext50_32x4d": "resnext50_32x4d",
    "mobilenetV2": "mobilenet_v2",
    "squeezenet1_1": "squeezenet1_1",
}
SIZE = 64


def uniform(count, seed):
    """Numbers in [-1, 1) from a hash of their index: test/support/hashed.ts has the same."""
    x = (numpy.arange(count, dtype=numpy.uint64) + seed * 0x9E3779B9) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x ^= x >> numpy.uint64(shift)
        x = x * numpy.uint64(factor) & numpy.uint64(0xFFFFFFFF)
    x ^= x >> numpy.uint64(16)
    return ((x >> numpy.uint64(8)).astype(numpy.float64) / 2**23 - 1).astype(numpy.float32)


def fill(net):
    for seed, (name, tensor) in enumerate(net.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            continue
        u = torch.from_numpy(uniform(tensor.numel(), seed)).reshape(tensor.shape)
        if name.endswith("running_var"):
            u = 1 + u / 2
        elif tensor.dim() == 1:
            u = u / 8 + (1 if "weight" in name else 0)
        else:
            u = u * (6 / tensor[0].numel()) ** 0.5
        tensor.copy_(u)


cases = []
for name, theirs in NAMES.items():
    net = getattr(torchvision.models, theirs)().eval()
    fill(net)
    net.double()
    x = torch.from_numpy(uniform(2 * 3 * SIZE * SIZE, 1234567)).reshape(2, 3, SIZE, SIZE)
    with torch.no_grad():
        y = net(x.double())
    cases.append({"name": name, "size": SIZE, "scale": y.abs().max().item(), "y": [float(f"{v:.7g}") for v in y[:, :1000:25].flatten().tolist()]})
path = pathlib.Path(__file__).parent.parent / "test" / "vectors" / "models.json"
path.write_text(json.dumps(cases) + "\n")  # and then: npx biome check --write test/vectors/models.json
