"""Writes test/cli/networks: an ONNX network that takes batches of photos of any size, and one that takes one of 32 x 32.

Run with a Python that has onnx: python scripts/onnx-files.py
"""

import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent.parent / "test" / "cli" / "networks"
FOLDER.mkdir(exist_ok=True)


def write(name, dims):
    weight = numpy.random.RandomState(0).randn(4, 3, 3, 3).astype(numpy.float32) / 5
    bias = numpy.arange(4, dtype=numpy.float32) / 8
    conv = helper.make_node(
        "Conv", ["x", "conv.weight", "conv.bias"], ["a"], name="/conv/Conv", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4
    )
    relu = helper.make_node("Relu", ["a"], ["b"], name="/relu/Relu")
    pool = helper.make_node("GlobalAveragePool", ["b"], ["y"], name="/pool/GlobalAveragePool")
    graph = helper.make_graph(
        [conv, relu, pool],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [dims[0], 4, 1, 1])],
        [numpy_helper.from_array(weight, "conv.weight"), numpy_helper.from_array(bias, "conv.bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / name)


write("any-size.onnx", ["batch", 3, "height", "width"])
write("one-size.onnx", [1, 3, 32, 32])
