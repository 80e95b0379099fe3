"""Writes test/vectors/models.json: of each architecture the number of its parameters, a digest of its weights' names and shapes, and
what torchvision's network makes of weights and inputs that both sides compute from a hash.

Run with a Python that has torch and torchvision: python scripts/model-vectors.py
"""

import hashlib
import json
import pathlib
import warnings

import numpy
import torch
import torchvision

warnings.filterwarnings("ignore", category=FutureWarning)

IMAGES = [2, 3, 64, 64]
# Inputs; None where names and shapes alone are compared, because a smaller sibling has the same layers.
NAMES = {
    "alexnet": IMAGES,
    "alexnet_original": IMAGES,
    "vgg11": None,
    "vgg13": None,
    "vgg16": None,
    "vgg19": None,
    "vgg11_bn": None,
    "vgg13_bn": None,
    "vgg16_bn": None,
    "vgg19_bn": None,
    "resnet18": IMAGES,
    "resnet34": None,
    "resnet50": IMAGES,
    "resnet101": None,
    "resnet152": None,
    "wide_resnet50_2": None,
    "wide_resnet101_2": None,
    "resnext50_32x4d": IMAGES,
    "resnext101_32x8d": None,
    "googlenet": IMAGES,
    "inception_v3": [2, 3, 75, 80],
    "densenet121": IMAGES,
    "densenet169": None,
    "mobilenet_v2": IMAGES,
    "mobilenet_v3_small": IMAGES,
    "mobilenet_v3_large": IMAGES,
    "efficientnet_b0": IMAGES,
    "efficientnet_b1": None,
    "efficientnet_b2": None,
    "efficientnet_b3": None,
    "efficientnet_b4": IMAGES,
    "squeezenet1_1": IMAGES,
    "shufflenet_v2_x1_0": IMAGES,
    "deeplabv3_resnet50": [2, 3, 40, 32],
    "r3d_18": [2, 3, 4, 32, 32],
    "wavenet": [2, 256, 64],
}


class WaveNet(torch.nn.Module):
    """The paper's network, from torch's layers."""

    class Block(torch.nn.Module):
        def __init__(self, dilation, last):
            super().__init__()
            self.filter = torch.nn.Conv1d(32, 32, 2, dilation=dilation)
            self.gate = torch.nn.Conv1d(32, 32, 2, dilation=dilation)
            self.residual = None if last else torch.nn.Conv1d(32, 32, 1)
            self.skip = torch.nn.Conv1d(32, 256, 1)

    def __init__(self):
        super().__init__()
        self.causal = torch.nn.Conv1d(256, 32, 2)
        self.blocks = torch.nn.ModuleList(self.Block(2 ** (i % 10), i == 29) for i in range(30))
        self.hidden = torch.nn.Conv1d(256, 256, 1)
        self.output = torch.nn.Conv1d(256, 256, 1)

    def forward(self, x):
        y = self.causal(torch.nn.functional.pad(x, (1, 0)))
        total = 0
        for block in self.blocks:
            before = torch.nn.functional.pad(y, (block.filter.dilation[0], 0))
            z = torch.tanh(block.filter(before)) * torch.sigmoid(block.gate(before))
            total = total + block.skip(z)
            if block.residual is not None:
                y = y + block.residual(z)
        return self.output(torch.relu(self.hidden(torch.relu(total))))


class AlexNetOriginal(torch.nn.Module):
    """The network of 2012, from torch's layers."""

    def __init__(self):
        super().__init__()
        convolution, response, pool, linear = torch.nn.Conv2d, torch.nn.LocalResponseNorm, torch.nn.MaxPool2d, torch.nn.Linear
        self.features = torch.nn.ModuleList(
            [
                convolution(3, 96, 11, stride=4, padding=2),
                response(5, alpha=5e-4, beta=0.75, k=2),
                pool(3, 2),
                convolution(96, 256, 5, padding=2, groups=2),
                response(5, alpha=5e-4, beta=0.75, k=2),
                pool(3, 2),
                convolution(256, 384, 3, padding=1),
                convolution(384, 384, 3, padding=1, groups=2),
                convolution(384, 256, 3, padding=1, groups=2),
                pool(3, 2),
            ]
        )
        self.classifier = torch.nn.ModuleDict({"0": linear(9216, 4096), "2": linear(4096, 4096), "4": linear(4096, 1000)})

    def forward(self, x):
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, torch.nn.Conv2d):
                x = torch.relu(x)
        x = torch.flatten(torch.nn.functional.adaptive_avg_pool2d(x, 6), 1)
        x = torch.relu(self.classifier["0"](x))
        return self.classifier["4"](torch.relu(self.classifier["2"](x)))


def make(name):
    if name in ("wavenet", "alexnet_original"):
        return WaveNet() if name == "wavenet" else AlexNetOriginal()
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name.startswith("deeplab"):
        options = {"weights_backbone": None}
    return torchvision.models.get_model(name, weights=None, **options)


def uniform(count, seed):
    """Numbers in [-1, 1) from a hash of their index: test/support/hashed.ts has the same."""
    x = (numpy.arange(count, dtype=numpy.uint64) + seed * 0x9E3779B9) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x ^= x >> numpy.uint64(shift)
        x = x * numpy.uint64(factor) & numpy.uint64(0xFFFFFFFF)
    x ^= x >> numpy.uint64(16)
    return ((x >> numpy.uint64(8)).astype(numpy.float64) / 2**23 - 1).astype(numpy.float32)


@torch.no_grad()
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


def digest(net):
    lines = [f"{name} [{', '.join(map(str, tensor.shape))}]\n" for name, tensor in net.state_dict().items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


cases = []
for name, shape in NAMES.items():
    net = make(name).eval()
    case = {"name": name, "params": sum(p.numel() for p in net.parameters()), "keys": digest(net)}
    if shape is not None:
        fill(net)
        net.double()
        x = torch.from_numpy(uniform(int(numpy.prod(shape)), 1234567)).reshape(shape)
        with torch.no_grad():
            y = net(x.double())
        if isinstance(y, dict):
            y = y["out"]
        step = -(-y.numel() // 80)
        sampled = [float(f"{v:.7g}") for v in y.flatten()[::step].tolist()]
        case |= {"x": shape, "shape": list(y.shape), "step": step, "scale": y.abs().max().item(), "y": sampled}
    cases.append(case)
path = pathlib.Path(__file__).parent.parent / "test" / "vectors" / "models.json"
path.write_text(json.dumps(cases) + "\n")  # and then: npx biome check --write test/vectors/models.json
