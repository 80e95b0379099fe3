"""Exports torchvision's networks, with weights from a hash, to ONNX files, and beside each what torch makes of an image.

Run with a Python that has torch, torchvision and onnxscript, then check: node scripts/check-onnx.mjs FOLDER
  python scripts/onnx-exports.py FOLDER [--size 64] [--legacy] [name ...]
"""

import argparse
import importlib.util
import pathlib

import numpy
import torch
import torchvision

NAMES = [
    *["alexnet", "vgg11", "vgg11_bn", "resnet18", "resnet50", "wide_resnet50_2", "resnext50_32x4d", "squeezenet1_1"],
    *["mobilenet_v2", "mobilenet_v3_small", "mnasnet1_0", "shufflenet_v2_x1_0", "googlenet", "inception_v3"],
    *["densenet121", "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf", "convnext_tiny"],
    *["deeplabv3_resnet50", "fcn_resnet50", "lraspp_mobilenet_v3_large", "r3d_18", "mc3_18"],
]
# An adaptive pooling that enlarges exports to what no network of full size needs
LEAST = {"alexnet": 224, "vgg11": 224, "vgg11_bn": 224, "inception_v3": 96}
# Weights from a hash are chaotic in it: float32 and float64 differ by half, in torch too
DRAWN = ["efficientnet_v2_s"]

spec = importlib.util.spec_from_file_location("vectors", pathlib.Path(__file__).parent / "model-vectors.py")
source = pathlib.Path(spec.origin).read_text()
hashed = {}
exec(compile(source[: source.index("cases = []")], spec.origin, "exec"), hashed)  # uniform and fill alone


def network(name):
    for module in (torchvision.models, torchvision.models.segmentation, torchvision.models.video):
        if hasattr(module, name):
            options = {"weights_backbone": None} if module is torchvision.models.segmentation else {}
            if name in ("googlenet", "inception_v3"):
                options = {"init_weights": False}
            return getattr(module, name)(weights=None, **options)
    raise SystemExit(f"torchvision has no {name}")


class Main(torch.nn.Module):
    """The main output of networks that give several."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        y = self.net(x)
        return y["out"] if isinstance(y, dict) else y


parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--size", type=int, default=64)
parser.add_argument("--legacy", action="store_true", help="the TorchScript exporter")
parser.add_argument("--opset", type=int, default=None)
parser.add_argument("names", nargs="*")
arguments = parser.parse_args()
arguments.folder.mkdir(parents=True, exist_ok=True)
for name in arguments.names or NAMES:
    torch.manual_seed(0)
    net = network(name).eval()
    if name not in DRAWN:
        with torch.no_grad():
            hashed["fill"](net)
    if hasattr(net, "aux_logits"):
        net.aux_logits = False
    net = Main(net).eval() if "deeplab" in name or "fcn" in name or "lraspp" in name else net
    size = max(arguments.size, LEAST.get(name, 0))
    shape = (2, 3, 4, size, size) if name in ("r3d_18", "mc3_18") else (2, 3, size, size)
    x = torch.from_numpy(hashed["uniform"](numpy.prod(shape), 1234567)).reshape(shape)
    path = arguments.folder / f"{name}{'.legacy' if arguments.legacy else ''}"
    options = {"opset_version": arguments.opset} if arguments.opset else {}
    try:
        if arguments.legacy:
            axes = {"input": {0: "batch"}, "output": {0: "batch"}}
            torch.onnx.export(net, (x,), f"{path}.onnx", dynamo=False, input_names=["input"], output_names=["output"], dynamic_axes=axes, **options)
        else:
            batch = torch.export.Dim("batch", min=1, max=64)
            torch.onnx.export(net, (x,), f"{path}.onnx", dynamo=True, dynamic_shapes=({0: batch},), verbose=False, **options)
    except Exception as error:  # an exporter's own failure is none of this project's
        print(f"{name}: torch does not export it: {str(error)[:200]}")
        continue
    with torch.no_grad():
        y = net.double()(x.double())
    numpy.save(f"{path}.x.npy", x.numpy())
    numpy.save(f"{path}.y.npy", y.numpy())
    print(f"{name}: {tuple(y.shape)}", flush=True)
