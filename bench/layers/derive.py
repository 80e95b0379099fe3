"""Writes the layer file of each well-known network: every distinct convolution, with its real shapes.

    python3 bench/layers/derive.py            # needs torch and torchvision, any recent version
    python3 bench/layers/derive.py --check    # only compares with the files that are there

The image networks are torchvision's, built without weights in evaluation mode, and what runs is asked of the
modules themselves: a hook on each Conv2d notes its input during one forward pass. WaveNet has no reference
implementation there; its convolutions are written down below, from the papers."""

import argparse
import math
import pathlib
import sys

import torch
import torchvision

FOLDER = pathlib.Path(__file__).parent

# name in torchvision, name of the file, title, sides of the image, where that size comes from
IMAGE_MODELS = [
    ("resnet50", "resnet50", "ResNet-50", 224, "He et al. 2015"),
    ("vgg16", "vgg16", "VGG-16", 224, "Simonyan and Zisserman 2014"),
    ("resnext50_32x4d", "resnext50", "ResNeXt-50 32x4d", 224, "Xie et al. 2016"),
    ("mobilenet_v2", "mobilenetv2", "MobileNetV2", 224, "Sandler et al. 2018"),
    ("efficientnet_b0", "efficientnet", "EfficientNet-B0", 224, "Tan and Le 2019"),
    ("densenet121", "densenet121", "DenseNet-121", 224, "Huang et al. 2016"),
    ("inception_v3", "inceptionv3", "Inception-v3", 299, "Szegedy et al. 2015"),
    ("deeplabv3_resnet50", "deeplabv3", "DeepLabV3 with a ResNet-50", 520, "Chen et al. 2017; torchvision resizes to 520"),
]


def build(name):
    settings = {"weights": None}
    if name == "inception_v3":
        settings["init_weights"] = False
    if name.startswith("deeplab"):
        settings["weights_backbone"] = None
        return torchvision.models.segmentation.__dict__[name](**settings).eval()
    return torchvision.models.__dict__[name](**settings).eval()


def convolutions(name, side):
    """The convolutions of one forward pass in order, as dictionaries."""
    model = build(name)
    seen = []

    def note(module, inputs, output):
        seen.append(
            dict(
                size=tuple(inputs[0].shape[2:]),
                output=tuple(output.shape[2:]),
                inputs=module.in_channels,
                outputs=module.out_channels,
                kernel=module.kernel_size,
                stride=module.stride,
                padding=module.padding,
                dilation=module.dilation,
                groups=module.groups,
            )
        )

    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(note)
    with torch.no_grad():
        model(torch.zeros(1, 3, side, side))
    return seen


def wavenet():
    """One second of sound at 16 kHz through the gated residual stack, filter and gate in one convolution."""
    residual, skip, classes, length = 64, 256, 256, 16000

    def conv(inputs, outputs, kernel, dilation=1):
        return dict(
            size=(length,),
            output=(length,),
            inputs=inputs,
            outputs=outputs,
            kernel=(kernel,),
            stride=(1,),
            padding=((dilation * (kernel - 1), 0),),
            dilation=(dilation,),
            groups=1,
        )

    layers = [conv(classes, residual, 2)]
    for _ in range(2):
        for power in range(10):
            layers += [
                conv(residual, 2 * residual, 2, 2**power),
                conv(residual, residual, 1),
                conv(residual, skip, 1),
            ]
    return layers + [conv(skip, skip, 1), conv(skip, classes, 1)]


def class_of(conv):
    """What a layer is averaged with: the kind of work, and for 3x3 kernels also the size of the output."""
    kernel, groups = conv["kernel"], conv["groups"]
    if groups > 1:
        return "depthwise" if groups == conv["inputs"] else "grouped"
    if conv["inputs"] <= 4:
        return "stem"
    if len(kernel) == 1:
        return "1x1" if kernel == (1,) else "causal"
    if math.prod(conv["size"]) == 1:
        return "squeeze"
    if max(conv["stride"]) > 1:
        return "strided"
    if max(conv["dilation"]) > 1:
        return "dilated"
    if kernel == (1, 1):
        return "1x1"
    if kernel == (3, 3):
        side = min(conv["output"])
        return "3x3" if side >= 28 else "3x3-14" if side >= 14 else "3x3-7"
    return "oblong" if kernel[0] != kernel[1] else "5x5"


def joined(values):
    values = [str(value) for value in values]
    return values[0] if len(set(values)) == 1 else "x".join(values)


def options_of(conv):
    words = []
    if set(conv["stride"]) != {1}:
        words.append("s" + joined(conv["stride"]))
    padding = [f"{p[0]}:{p[1]}" if isinstance(p, tuple) else str(p) for p in conv["padding"]]
    padding = ["0" if p == "0:0" else p for p in padding]
    if set(padding) != {"0"}:
        words.append("p" + joined(padding))
    if set(conv["dilation"]) != {1}:
        words.append("d" + joined(conv["dilation"]))
    if conv["groups"] != 1:
        words.append(f"g{conv['groups']}")
    return words


def name_of(conv):
    """56-64-256-1x1s2 of a layer of 64 to 256 channels on 56x56."""
    size = joined(conv["size"])
    kernel = "x".join(str(k) for k in conv["kernel"])
    marks = [word for word in options_of(conv) if word[0] in "sdg"]
    return "-".join([size, str(conv["inputs"]), str(conv["outputs"]), kernel + "".join(marks)])


def write_lines(file, layers):
    """One line for each distinct layer, in the order of first use, with how often the network runs it."""
    times = {}
    for conv in layers:
        key = tuple(sorted(conv.items()))
        times[key] = times.get(key, 0) + 1
    lines = []
    for key, count in times.items():
        conv = dict(key)
        operation = f"conv{len(conv['kernel'])}d"
        size = "x".join(str(s) for s in (1, conv["inputs"], *conv["size"]))
        kernel = "x".join(str(k) for k in conv["kernel"])
        lines.append(
            f"{operation} {size:<14} {conv['outputs']:<5} {kernel:<4} {' '.join(options_of(conv)):<12} "
            f"class={class_of(conv):<10} times={count:<3} name={file}/{name_of(conv)}"
        )
    return lines


def texts():
    """Each file's name and contents."""
    for name, file, title, side, source in IMAGE_MODELS:
        lines = write_lines(file, convolutions(name, side))
        heading = (
            f"# Every distinct convolution of {title} ({source}) on one image of {side}x{side}.\n"
            f"# From torchvision's {name} in evaluation mode, by bench/layers/derive.py; bench/README.md has the grammar.\n"
        )
        yield file, heading + "\n" + "\n".join(lines) + "\n"
    heading = (
        "# Every distinct convolution of a WaveNet (van den Oord et al. 2016) on one second of sound at 16 kHz: two blocks of\n"
        "# dilations 1 to 512, 64 residual and 256 skip channels (Arik et al. 2017, Deep Voice), 256 classes of samples.\n"
        "# Written by bench/layers/derive.py; bench/README.md has the grammar.\n"
    )
    yield "wavenet", heading + "\n" + "\n".join(write_lines("wavenet", wavenet())) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    check = parser.parse_args().check
    different = []
    for file, text in texts():
        path = FOLDER / f"{file}.txt"
        if check:
            if not path.exists() or path.read_text() != text:
                different.append(path.name)
        else:
            path.write_text(text)
    if different:
        sys.exit(f"these files differ from what the networks run: {', '.join(different)}")


main()
