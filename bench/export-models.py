"""Writes torchvision's networks for the benchmark of whole networks: NAME.onnx by torch.onnx, and the same weights as
NAME.safetensors. Weights are drawn from a fixed seed; what batch normalisation remembers comes from random images, so that
activations stay in range from layer to layer and folding has something to fold.

    python bench/export-models.py bench/networks/cache resnet50 vgg16
"""

import json
import os
import struct
import sys
import warnings

import torch
import torchvision

SIZES = {"inception_v3": 299}
OPTIONS = {
    "googlenet": {"init_weights": False, "aux_logits": False},
    "inception_v3": {"init_weights": False, "aux_logits": False},
}


def make(name):
    torch.manual_seed(0)
    net = getattr(torchvision.models, name)(weights=None, **OPTIONS.get(name, {}))
    size = SIZES.get(name, 224)
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(norm.bias, -0.5, 0.5)
        norm.momentum = None  # the mean over all batches
    if norms:
        net.train()
        with torch.no_grad():
            net(torch.randn(4, 3, size, size))
    return net.eval(), size


def save_safetensors(tensors, path):
    header, begin = {}, 0
    for name, tensor in tensors.items():
        end = begin + tensor.numel() * 4
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.contiguous().numpy().tobytes())


def export(name, folder):
    net, size = make(name)
    weights = {key: value for key, value in net.state_dict().items() if value.dtype == torch.float32}
    save_safetensors(weights, os.path.join(folder, name + ".safetensors"))
    # Written last: where it is, both are
    path = os.path.join(folder, name + ".onnx")
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, size, size),),
        path + ".partial",
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    os.replace(path + ".partial", path)


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    os.makedirs(sys.argv[1], exist_ok=True)
    for wanted in sys.argv[2:]:
        export(wanted, sys.argv[1])
        print(wanted, flush=True)
