"""What PyTorch trains: a step of a network, or a layer's forward and backward passes. Data and starting values are those of
bench/training/convkit.ts."""

import re
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

from data import product, uniform

try:  # at once: it sets up PyTorch's threads
    from torchvision import models
except ImportError:
    models = None


def make_cnn(classes):
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 32, 3, padding=1),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(32, 64, 3, padding=1),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            linear1=nn.Linear(3136, 128),
            relu3=nn.ReLU(),
            linear2=nn.Linear(128, classes),
        )
    )


def make_network(model, classes):
    if model == "cnn":
        return make_cnn(classes)
    if models is None:
        raise ImportError("torchvision does not load, whose networks these are")
    make = models.resnet18 if model == "resnet18" else models.mobilenet_v2
    return make(weights=None, num_classes=classes)


def starting_values(name, shape, seed):
    numbers = uniform(product(shape), seed).reshape(shape)
    if len(shape) > 1:
        return numbers * (6 / product(shape[1:])) ** 0.5
    return numbers * 0.1 + (1 if name.endswith("weight") else 0)


def make_step(step, channels_last):
    """A training step, and what the first steps give: the losses, and the gradients of the first."""
    network = make_network(step["model"], step["classes"])
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0  # others draw other numbers
    with torch.no_grad():
        for seed, (name, parameter) in enumerate(network.named_parameters()):
            parameter.copy_(starting_values(name, list(parameter.shape), 10 + seed))
    x = uniform(product(step["input"]), 1).reshape(step["input"])
    target = torch.tensor([7 * i % step["classes"] for i in range(step["input"][0])])
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    if step["optimizer"] == "sgd":
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    else:
        optimizer = torch.optim.Adam(network.parameters(), lr=0.001)

    def run():
        optimizer.zero_grad()
        loss = F.cross_entropy(network(x), target)
        loss.backward()
        optimizer.step()
        return loss

    def outcome():
        first = run()
        gradients = [(name, parameter.grad.clone()) for name, parameter in network.named_parameters()]
        return [("loss 1", first), ("loss 2", run()), ("loss 3", run()), *gradients]

    return run, outcome


def make_layer(layer, channels_last):
    """A convolution with its gradients, and what they are."""
    if not re.fullmatch("conv[123]d", layer["operation"]) or layer["padBegin"] != layer["padEnd"]:
        raise ValueError(f"cannot train {layer['operation']} of unequal paddings")
    rank = len(layer["kernelSize"])
    groups, inputs, outputs = layer["groups"], layer["inChannels"], layer["outChannels"]
    x_shape = [layer["batch"], inputs, *layer["inputSize"]]
    shape = [outputs, inputs // groups, *layer["kernelSize"]]
    x = uniform(product(x_shape), 1).reshape(x_shape)
    weight = uniform(product(shape), 2).reshape(shape)
    bias = uniform(outputs, 3)
    if channels_last:
        memory_format = torch.channels_last if rank == 2 else torch.channels_last_3d
        x, weight = x.to(memory_format=memory_format), weight.to(memory_format=memory_format)
    trained = [x, weight, bias] if inputs > 3 else [weight, bias]
    for tensor in trained:
        tensor.requires_grad_()
    convolve = [F.conv1d, F.conv2d, F.conv3d][rank - 1]

    def forward():
        return convolve(x, weight, bias, layer["stride"], layer["padBegin"], layer["dilation"], groups)

    y_shape = list(forward().shape)
    upstream = uniform(product(y_shape), 4).reshape(y_shape)
    if channels_last:
        upstream = upstream.to(memory_format=memory_format)

    def run():
        for tensor in trained:
            tensor.grad = None
        y = forward()
        y.backward(upstream)
        return y

    def outcome():
        names = ["x", "weight", "bias"][3 - len(trained) :]
        y = run()
        return [("output", y), *((f"gradient of {name}", tensor.grad) for name, tensor in zip(names, trained))]

    return run, outcome


def make_training(subject, channels_last):
    if subject["step"] is not None:
        return make_step(subject["step"], channels_last)
    return make_layer(subject["layer"], channels_last)


def peak_bytes():
    """The most memory that this process has held, as Linux counts it."""
    with open("/proc/self/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024
