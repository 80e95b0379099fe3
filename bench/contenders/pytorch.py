"""PyTorch as a contender: obeys the runner's orders, one JSON object a line on standard input, one answer a line.

The data are those of bench/data.ts, made here by the same integer arithmetic; calls are timed here, so that no
pipe or other process is in a time. One process serves the layers of a run one after the other."""

import json
import sys
import time

import torch
import torch.nn.functional as F

from data import product, uniform
from training import make_training, peak_bytes

WARM_UP_SECONDS = 0.06


class Absent(Exception):
    pass


def make_forward(layer, channels_last):
    """A function that computes the layer, as its API is used every day: the output is new each time."""
    rank = len(layer["kernelSize"])
    transposed = layer["operation"].startswith("convTranspose")
    groups, inputs, outputs = layer["groups"], layer["inChannels"], layer["outChannels"]
    kernel = layer["kernelSize"]
    shape = [inputs, outputs // groups, *kernel] if transposed else [outputs, inputs // groups, *kernel]
    x_shape = [layer["batch"], inputs, *layer["inputSize"]]
    x = uniform(product(x_shape), 1).reshape(x_shape)
    weight = uniform(product(shape), 2).reshape(shape)
    bias = uniform(outputs, 3)
    if channels_last:
        if rank == 1:
            raise Absent("PyTorch has no channels-last format for sequences")
        memory_format = torch.channels_last if rank == 2 else torch.channels_last_3d
        x, weight = x.to(memory_format=memory_format), weight.to(memory_format=memory_format)
    stride, dilation = layer["stride"], layer["dilation"]
    begin, end = layer["padBegin"], layer["padEnd"]
    if transposed:
        if begin != end:
            raise Absent("PyTorch's transposed convolutions take equal paddings")
        convolve = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][rank - 1]
        more = layer["outputPadding"]
        return lambda: convolve(x, weight, bias, stride, begin, more, groups, dilation)
    convolve = [F.conv1d, F.conv2d, F.conv3d][rank - 1]
    if begin == end:
        return lambda: convolve(x, weight, bias, stride, begin, dilation, groups)
    pads = [amount for axis in reversed(range(rank)) for amount in (begin[axis], end[axis])]
    return lambda: convolve(F.pad(x, pads), weight, bias, stride, 0, dilation, groups)


run = None


def run_round(seconds):
    """Milliseconds of each call, one call at least."""
    times = []
    now = time.perf_counter()
    end = now + seconds
    while True:
        start = now
        run()
        now = time.perf_counter()
        times.append((now - start) * 1e3)
        if now >= end:
            return times


def prepare(request):
    global run
    run = None
    torch.set_num_threads(request["threads"])
    try:
        with torch.inference_mode():
            forward = make_forward(request["layer"], request["contender"].endswith(":channelsLast"))
            forward().contiguous().numpy().tofile(request["outputFile"])
    except Absent as reason:
        return {"absent": str(reason), "version": torch.__version__}
    run = torch.inference_mode()(forward)
    run_round(WARM_UP_SECONDS)
    return {"absent": None, "version": torch.__version__}


def prepare_training(request):
    global run
    run = None
    torch.set_num_threads(request["threads"])
    run, outcome = make_training(request["subject"], request["contender"].endswith(":channelsLast"))
    parts = []
    if request["outputFile"] is not None:
        with open(request["outputFile"], "wb") as file:
            for name, tensor in outcome():
                parts.append({"name": name, "length": tensor.numel()})
                tensor.detach().contiguous().numpy().tofile(file)
        run_round(WARM_UP_SECONDS)
    return {"version": torch.__version__, "parts": parts}


def measure_peak(request):
    for _ in range(request["calls"]):
        run()
    return {"bytes": peak_bytes()}


ORDERS = {
    "prepare": prepare,
    "round": lambda request: {"times": run_round(request["milliseconds"] / 1e3)},
    "prepareTraining": prepare_training,
    "peakMemory": measure_peak,
}


def main():
    torch.set_num_interop_threads(1)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"ok": True, "reply": ORDERS[order["kind"]](order["request"])}
        except Exception as error:  # the runner shows it
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
