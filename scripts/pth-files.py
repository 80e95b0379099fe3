"""Writes test/io/pth: small files as torch.save makes them, with what they hold beside them as .npz.

Run with a Python that has torch: python scripts/pth-files.py
"""

import argparse
import collections
import pathlib
import sys
import warnings
import zipfile

import numpy
import torch

FOLDER = pathlib.Path(__file__).parent.parent / "test" / "io" / "pth"
FOLDER.mkdir(exist_ok=True)
warnings.filterwarnings("ignore")
torch.manual_seed(1)


def expect(name, tensors):
    """The values in logical order, as float32."""
    arrays = {key: t.detach().to(torch.float32).numpy().copy(order="C") for key, t in tensors.items()}
    numpy.savez_compressed(FOLDER / f"{name}.npz", **arrays)


def save(name, value, tensors=None, **options):
    torch.save(value, FOLDER / f"{name}.pth", **options)
    if tensors is not None:
        expect(name, tensors)


# Weights of a network, by every protocol that can be asked for
net = torch.nn.Sequential(
    collections.OrderedDict(conv=torch.nn.Conv2d(2, 3, 3), norm=torch.nn.BatchNorm2d(3), fc=torch.nn.Linear(3, 4))
)
weights = net.state_dict()
expect("weights", weights)
for protocol in (2, 3, 4, 5):
    save(f"protocol{protocol}", weights, pickle_protocol=protocol)

# Every type of element
ramp = torch.tensor([0, 1, -2, 3.5, 1 / 3, -65504.0])
whole = torch.tensor([0, 1, 100, 7])
types = {
    "float64": ramp.double() / 3,
    "float32": ramp,
    "float16": ramp.half(),
    "bfloat16": ramp.bfloat16(),
    "int64": whole * -(2**40),
    "int32": (whole * -(2**20)).int(),
    "int16": (whole * -300).short(),
    "int8": (-whole).to(torch.int8),
    "uint8": (whole * 2).to(torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "uint16": torch.tensor([1, 65535], dtype=torch.uint16),
    "uint32": torch.tensor([1, 2**31], dtype=torch.uint32),
}
save("types", types, types)

# Strides of every kind, several over one storage
grid = torch.arange(24.0).reshape(4, 6)
images = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
tied = torch.arange(5.0)
views = {
    "whole": grid,
    "transposed": grid.t(),
    "column": grid[:, 2],
    "block": grid[1:3, 1:5],
    "every other": grid[::2, 1::3],
    "windows": grid.flatten().as_strided((5, 4), (3, 2), 1),
    "diagonal": grid.diagonal(),
    "channels last": images.contiguous(memory_format=torch.channels_last),
    "permuted": images.permute(3, 0, 2, 1),
    "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 3),
    "tied a": tied,
    "tied b": tied.detach(),
    "tied c": tied,
    "tied part": tied[1:4],
    "scalar": torch.tensor(7.0),
    "element": tied[2],
    "empty": torch.empty(0, 3),
    "none of it": grid[:0],
    "bits": torch.tensor([0x7FC00001, -0x80000000], dtype=torch.int32).view(torch.float32),
}
save("views", views, views)

# What training scripts write
parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
parameter.note = "with state"
optimizer = torch.optim.Adam(net.parameters())
for p in net.parameters():
    p.grad = torch.ones_like(p)
optimizer.step()
checkpoint = {
    "epoch": 3,
    "loss": torch.tensor(0.5),
    "big": 2**70,
    "rate": 1e-3,
    "name": "réseau",
    "none": None,
    "flags": [True, False, (1, 2)],
    "set": {1, 2},
    "bytes": b"\x00\x01",
    "device": torch.device("cpu"),
    "dtype": torch.float16,
    "size": torch.Size([1, 2]),
    "counts": collections.Counter("aab"),
    "lists": collections.defaultdict(list),
    "numbered": {0: torch.ones(1)},
    "optimizer": optimizer.state_dict(),
    "model": {"state_dict": net.state_dict(), "arch": "small"},
    "other": {"parameter": parameter, "plain": torch.nn.Parameter(torch.zeros(2), requires_grad=False), "note": 1},
}
for protocol in (2, 4):
    save(f"checkpoint{protocol}", checkpoint, pickle_protocol=protocol)
expect("checkpoint", net.state_dict())

# The same bytes as a big-endian machine writes them
with zipfile.ZipFile(FOLDER / "protocol2.pth") as little, zipfile.ZipFile(FOLDER / "big-endian.pth", "w") as big:
    for info in little.infolist():
        data = little.read(info)
        if info.filename.endswith("byteorder"):
            data = b"big"
        elif "/data/" in info.filename:
            kind = "i8" if len(data) == 8 else "f4"  # num_batches_tracked is the one of 8 bytes
            data = numpy.frombuffer(data, f"<{kind}").astype(f">{kind}").tobytes()
        big.writestr(info.filename, data)

# What is refused
save("before-1.6", weights, _use_new_zipfile_serialization=False)
save("module", net)
save("namespace", {"state_dict": weights, "args": argparse.Namespace(lr=1)})
save("numpy", {"state_dict": weights, "best": numpy.float64(0.9)})
save("sparse", {"a": torch.eye(2).to_sparse()})
save("quantized", {"a": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)})
save("complex", {"a": torch.ones(2, dtype=torch.complex64)})
save("float8", {"a": torch.ones(2).to(torch.float8_e4m3fn)})
save("meta", {"a": torch.empty(3, device="meta")})
save("inexact", {"a": torch.tensor([2**24 + 1])})
save("numbers", {"epoch": 3})
save("list", [torch.ones(1)])
torch.jit.script(torch.nn.Sequential(torch.nn.Linear(1, 1))).save(FOLDER / "script.pth")


class Evil:
    def __reduce__(self):
        import os

        return (os.system, ("touch /tmp/convkit-was-here",))


save("evil", {"state_dict": weights, "x": Evil()})
print(sum(path.stat().st_size for path in FOLDER.iterdir()), "bytes", file=sys.stderr)
