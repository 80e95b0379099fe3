"""Writes test/vectors/onnx.json: small models of one or a few operators, and what ONNX's reference evaluator makes of them.

Run with a Python that has onnx: python scripts/onnx-vectors.py
"""

import base64
import json
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

source = (pathlib.Path(__file__).parent / "model-vectors.py").read_text()
begin = source.index("def uniform")
hashed = {"numpy": numpy}
exec(source[begin : source.index("@torch.no_grad()", begin)], hashed)
cases = []


def numbers(shape, seed):
    return hashed["uniform"](int(numpy.prod(shape)), seed).reshape(shape)


def case(name, nodes, x, constants=None, opset=17, outputs=1, dynamic=False, inputs=None):
    """nodes: (operator, inputs, outputs, attributes); x: shapes of the inputs x0, x1, ...; the results are y0, y1, ..."""
    protos = [
        helper.make_node(op, ins.split(" ") if ins else [], outs.split(" "), name=f"{op}_{i}", **attributes)
        for i, (op, ins, outs, attributes) in enumerate(nodes)
    ]
    given = [numbers(shape, 1000 + i) for i, shape in enumerate(x)]
    declared = [["batch", *shape[1:]] if dynamic else shape for shape in x]
    graph = helper.make_graph(
        protos,
        name,
        [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, shape) for i, shape in enumerate(declared)],
        [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, None) for i in range(outputs)],
        [numpy_helper.from_array(numpy.asarray(value), key) for key, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    try:
        results = ReferenceEvaluator(model).run(None, {f"x{i}": value for i, value in enumerate(given)})
    except Exception as error:  # the evaluator is not without faults
        print(f"{name}: left out, the evaluator fails: {str(error)[:100]}")
        return
    cases.append(
        {
            "name": name,
            "model": base64.b64encode(model.SerializeToString()).decode(),
            "inputs": [list(shape) for shape in x],
            "outputs": [
                {"shape": list(y.shape), "data": [float(f"{v:.8g}") for v in numpy.asarray(y, numpy.float64).flatten()]}
                for y in results
            ],
        }
    )


def one(name, operator, shape, constants=None, opset=17, **attributes):
    """One operator of x0 and constants, in their order; None leaves an input out."""
    constants = constants or {}
    names = ["x0", *(key if value is not None else "" for key, value in constants.items())]
    given = {key: value for key, value in constants.items() if value is not None}
    case(name, [(operator, " ".join(names), "y0", attributes)], [shape], given, opset)


def ints(*values):
    return numpy.array(values, numpy.int64)


def floats(*values):
    return numpy.array(values, numpy.float32)


W = numbers((4, 3, 3, 3), 1)
B = numbers((4,), 2)
for pad in ("SAME_UPPER", "SAME_LOWER", "VALID"):
    one(f"Conv {pad}", "Conv", [2, 3, 6, 7], {"w": W, "b": B}, auto_pad=pad, strides=[2, 2])
one("Conv asymmetric pads", "Conv", [1, 3, 5, 6], {"w": W, "b": B}, pads=[0, 1, 2, 0], dilations=[2, 1])
one("Conv of groups", "Conv", [1, 4, 5, 5], {"w": numbers((4, 2, 3, 3), 3)}, group=2, strides=[1, 2])
one("Conv 1d", "Conv", [2, 3, 9], {"w": numbers((2, 3, 3), 4)}, pads=[2, 0])
one("Conv 3d", "Conv", [1, 2, 3, 4, 5], {"w": numbers((3, 2, 2, 2, 2), 5)}, pads=[1, 0, 0, 0, 0, 1])
one("ConvTranspose", "ConvTranspose", [1, 3, 4, 4], {"w": numbers((3, 2, 3, 3), 6), "b": numbers((2,), 7)}, strides=[2, 2], pads=[1, 0, 0, 1], output_padding=[1, 1])
one("ConvTranspose of a size", "ConvTranspose", [1, 3, 3, 3], {"w": numbers((3, 2, 3, 3), 6)}, strides=[3, 2], output_shape=[10, 8])
one("ConvTranspose SAME_UPPER", "ConvTranspose", [1, 3, 3, 3], {"w": numbers((3, 2, 3, 3), 6)}, strides=[2, 2], auto_pad="SAME_UPPER")
M = numbers((5, 4), 8)
one("Gemm", "Gemm", [3, 5], {"b": M, "c": numbers((4,), 9)}, alpha=0.5, beta=2.0)
one("Gemm turned", "Gemm", [5, 3], {"b": numbers((4, 5), 8), "c": numbers((3, 4), 9)}, transA=1, transB=1, beta=0.25)
one("Gemm with a number", "Gemm", [3, 5], {"b": M, "c": floats(0.5)})
one("Gemm without c", "Gemm", [3, 5], {"b": M})
one("MatMul of three dimensions", "MatMul", [2, 3, 5], {"b": M})
case("MatMul and a bias", [("MatMul", "x0 w", "m", {}), ("Add", "b m", "y0", {})], [[2, 3, 5]], {"w": M, "b": B})
stats = {"s": numbers((3,), 10), "b": numbers((3,), 11), "m": numbers((3,), 12), "v": numbers((3,), 13) ** 2 + 0.5}
one("BatchNormalization", "BatchNormalization", [2, 3, 4, 5], stats, epsilon=0.01)
one("BatchNormalization 8", "BatchNormalization", [2, 3, 4], stats, opset=8)
one("InstanceNormalization", "InstanceNormalization", [2, 3, 4, 5], {"s": stats["s"], "b": stats["b"]})
one("GroupNormalization", "GroupNormalization", [2, 4, 3, 3], {"s": numbers((4,), 14), "b": numbers((4,), 15)}, opset=21, num_groups=2)
one("LayerNormalization", "LayerNormalization", [2, 3, 6], {"s": numbers((6,), 16), "b": numbers((6,), 17)}, axis=-1)
one("LayerNormalization of two", "LayerNormalization", [2, 3, 4], {"s": numbers((3, 4), 16)}, axis=1)
one("LRN", "LRN", [7, 7, 2, 1], size=3, alpha=0.5, beta=0.75, bias=2.0)
one("MaxPool SAME_UPPER", "MaxPool", [1, 2, 6, 7], kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER")
one("MaxPool ceil", "MaxPool", [1, 2, 6, 6], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
one("MaxPool dilated", "MaxPool", [1, 2, 9], kernel_shape=[3], dilations=[2], strides=[2])
one("MaxPool 3d", "MaxPool", [1, 2, 4, 4, 4], kernel_shape=[2, 2, 2], strides=[2, 1, 2])
one("AveragePool counting pads", "AveragePool", [1, 2, 5, 5], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
one("AveragePool not counting", "AveragePool", [1, 2, 5, 5], kernel_shape=[3, 3], pads=[1, 0, 1, 1], strides=[2, 2])
one("AveragePool ceil", "AveragePool", [1, 2, 6, 6], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, opset=19)
one("GlobalAveragePool", "GlobalAveragePool", [2, 3, 4, 5])
one("GlobalMaxPool", "GlobalMaxPool", [2, 3, 4, 2])
for operator, attributes in {
    "Relu": {}, "LeakyRelu": {"alpha": 0.2}, "Elu": {"alpha": 0.5}, "Selu": {}, "Sigmoid": {}, "HardSigmoid": {"alpha": 0.3, "beta": 0.4},
    "HardSwish": {}, "Tanh": {}, "Softplus": {}, "Mish": {}, "Abs": {}, "Neg": {}, "Identity": {}, "Dropout": {},
}.items():  # fmt: skip
    one(operator, operator, [2, 3, 4], opset=18, **attributes)
one("HardSigmoid sixths", "HardSigmoid", [2, 3, 4], alpha=1 / 6, beta=0.5)
one("Gelu", "Gelu", [2, 3, 4], opset=20)
one("Gelu by tanh", "Gelu", [2, 3, 4], opset=20, approximate="tanh")
one("PRelu", "PRelu", [2, 3, 4, 4], {"slope": numbers((3, 1, 1), 18)})
one("Clip", "Clip", [2, 9], {"low": numpy.float32(-0.25), "high": numpy.float32(0.5)})
one("Clip from below", "Clip", [2, 9], {"low": numpy.float32(-0.25)})
one("Clip from above", "Clip", [2, 9], {"low": None, "high": numpy.float32(0.5)})
one("Clip 6", "Clip", [2, 9], opset=6, min=-0.25, max=0.5)
for operator in ("Add", "Sub", "Mul", "Div"):
    case(f"{operator} of tensors", [(operator, "x0 x1", "y0", {})], [[2, 3, 4], [3, 1]])
    one(f"{operator} of a constant", operator, [2, 3, 4], {"c": numbers((4,), 19) + 2})
case("Sub from a constant", [("Sub", "c x0", "y0", {})], [[2, 3]], {"c": floats(1, 2, 3)})
case("Sum", [("Sum", "x0 x1 x2", "y0", {})], [[2, 3], [3], [2, 1]])
one("Max", "Max", [2, 9], {"c": numpy.float32(0.1)})
one("Min", "Min", [2, 9], {"c": numpy.float32(0.1)})
one("Pow", "Pow", [2, 9], {"c": numpy.float32(3)})
case("Silu", [("Sigmoid", "x0", "s", {}), ("Mul", "x0 s", "y0", {})], [[2, 9]])
case("Silu whose sigmoid is read twice", [("Sigmoid", "x0", "s", {}), ("Mul", "x0 s", "m", {}), ("Add", "m s", "y0", {})], [[2, 9]])
case("HardSwish in two", [("HardSigmoid", "x0", "s", {"alpha": 1 / 6}), ("Mul", "s x0", "y0", {})], [[2, 9]])
root, one_, half = floats(2**0.5)[0], numpy.float32(1), numpy.float32(0.5)
erf = [("Div", "x0 root", "d", {}), ("Erf", "d", "e", {}), ("Add", "e one", "a", {})]
named = {"root": root, "one": one_, "half": half}
case("Gelu, half last", [*erf, ("Mul", "x0 a", "m", {}), ("Mul", "m half", "y0", {})], [[2, 9]], named)
case("Gelu, half first", [*erf, ("Mul", "x0 half", "h", {}), ("Mul", "h a", "y0", {})], [[2, 9]], named)
case("Gelu, half inside", [*erf, ("Mul", "half a", "h", {}), ("Mul", "h x0", "y0", {})], [[2, 9]], named)
case("Concat", [("Concat", "x0 c x1", "y0", {"axis": -1})], [[2, 3], [2, 4]], {"c": numbers((2, 1), 20)})
case("Split in parts", [("Split", "x0 s", "y0 y1", {"axis": 1})], [[2, 5, 3]], {"s": ints(2, 3)}, outputs=2)
case("Split 11", [("Split", "x0", "y0 y1", {"axis": 1, "split": [1, 4]})], [[2, 5, 3]], opset=11, outputs=2)
case("Split evenly", [("Split", "x0", "y0 y1 y2", {"axis": 0, "num_outputs": 3})], [[8, 2]], opset=18, outputs=3)
one("Slice", "Slice", [4, 6, 5], {"s": ints(1, -3), "e": ints(2**63 - 1, -1), "a": ints(0, 2)})
one("Slice with steps", "Slice", [7, 6], {"s": ints(-1, 0), "e": ints(-(2**63), 5), "a": ints(0, 1), "t": ints(-2, 2)})
one("Slice 9", "Slice", [4, 6], opset=9, starts=[1, 0], ends=[100, -2])
one("Flatten", "Flatten", [2, 3, 4], axis=-1)
one("Flatten of nothing", "Flatten", [2, 3, 4], axis=0)
one("Reshape", "Reshape", [2, 3, 4], {"s": ints(0, -1, 2)})
one("Transpose", "Transpose", [2, 3, 4, 5], perm=[0, 3, 1, 2])
one("Transpose of all", "Transpose", [2, 3, 4])
one("Squeeze", "Squeeze", [2, 1, 3, 1], {"a": ints(-1)})
one("Squeeze of all", "Squeeze", [2, 1, 3, 1])
one("Squeeze 11", "Squeeze", [2, 1, 3, 1], opset=11, axes=[1])
one("Unsqueeze", "Unsqueeze", [2, 3], {"a": ints(0, -1)})
one("Unsqueeze 11", "Unsqueeze", [2, 3], opset=11, axes=[1])
one("Expand", "Expand", [3, 1], {"s": ints(2, 1, 4)})
one("Tile", "Tile", [2, 3], {"r": ints(2, 3)})
pads = ints(0, 0, 1, 2, 0, 0, 2, 1)
for mode in ("constant", "reflect", "edge"):
    one(f"Pad {mode}", "Pad", [1, 2, 4, 5], {"p": pads}, opset=18, mode=mode)
one("Pad wrap", "Pad", [1, 2, 4, 5], {"p": pads}, opset=19, mode="wrap")
one("Pad with a value", "Pad", [2, 3], {"p": ints(1, -1, 0, 2), "v": numpy.float32(3)})
one("Pad of axes", "Pad", [2, 3, 4], {"p": ints(1, 2), "v": None, "a": ints(-2)}, opset=18)
one("Pad 10", "Pad", [2, 3], opset=10, pads=[1, 0, 0, 2], value=0.5)
for axis in (1, -1):
    one(f"Softmax along {axis}", "Softmax", [2, 3, 4], opset=13, axis=axis)
one("LogSoftmax", "LogSoftmax", [2, 3, 4], opset=13, axis=1)
for keep in (0, 1):
    one(f"ReduceMean {keep}", "ReduceMean", [2, 3, 4, 5], axes=[-1, 2], keepdims=keep)
    one(f"ReduceMean 18 {keep}", "ReduceMean", [2, 3, 4, 5], {"a": ints(1)}, opset=18, keepdims=keep)
    one(f"ReduceSum {keep}", "ReduceSum", [2, 3, 4, 5], {"a": ints(0, 3)}, keepdims=keep)
one("ReduceMean of all", "ReduceMean", [2, 3], keepdims=0)
one("ReduceMax", "ReduceMax", [2, 3, 4, 5], axes=[2, 3])
one("ReduceMax of channels", "ReduceMax", [2, 3, 4, 5], {"a": ints(1)}, opset=18)
one("ReduceMax of all", "ReduceMax", [2, 3, 4], keepdims=0)
one("ReduceMin", "ReduceMin", [2, 3, 4, 5], axes=[0, 3], keepdims=0)
case("Softplus with a threshold", [("Softplus", "x0", "s", {}), ("Greater", "x0 large", "g", {}), ("Where", "g x0 s", "y0", {})], [[2, 9]], {"large": numpy.float32(20)})
none = floats()
for how in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"):
    for mode in ("nearest", "linear"):
        scales = {"roi": none, "scales": floats(1, 1, 2, 3)}
        sizes = {"roi": none, "scales": none, "sizes": ints(1, 2, 7, 3)}
        one(f"Resize {mode} {how} by scales", "Resize", [1, 2, 3, 4], scales, mode=mode, coordinate_transformation_mode=how)
        one(f"Resize {mode} {how} to sizes", "Resize", [1, 2, 3, 4], sizes, mode=mode, coordinate_transformation_mode=how)
for rounding in ("round_prefer_ceil", "floor", "ceil"):
    one(f"Resize {rounding}", "Resize", [1, 2, 3, 4], {"roi": none, "scales": floats(1, 1, 1.5, 0.5)}, mode="nearest", nearest_mode=rounding)
one("Resize cubic", "Resize", [1, 2, 4, 4], {"roi": none, "scales": floats(1, 1, 2, 1.5)}, mode="cubic", coordinate_transformation_mode="align_corners")
one("Resize of one dimension", "Resize", [1, 2, 5], {"roi": None, "scales": floats(1, 1, 2)}, mode="linear")
one("Resize of axes", "Resize", [1, 2, 3, 4], {"roi": None, "scales": None, "sizes": ints(5, 6)}, opset=18, mode="nearest", axes=[2, 3], coordinate_transformation_mode="asymmetric", nearest_mode="floor")
one("Upsample", "Upsample", [1, 2, 3, 4], {"scales": floats(1, 1, 2, 2)}, opset=9, mode="nearest")
one("DepthToSpace DCR", "DepthToSpace", [1, 8, 2, 3], blocksize=2)
one("DepthToSpace CRD", "DepthToSpace", [1, 8, 2, 3], blocksize=2, mode="CRD")
one("SpaceToDepth", "SpaceToDepth", [1, 2, 4, 6], blocksize=2)
case("Gather", [("Gather", "x0 i", "y0", {"axis": 1})], [[2, 4, 3]], {"i": numpy.array([[3, 0], [-1, 1]], numpy.int64)})
case("Gather of one", [("Gather", "x0 i", "y0", {"axis": -1})], [[2, 4, 3]], {"i": numpy.array(1, numpy.int64)})
case("a view of the batch", [("Shape", "x0", "s", {}), ("Gather", "s zero", "n", {}), ("Unsqueeze", "n axes", "u", {}),
    ("Concat", "u rest", "t", {"axis": 0}), ("Reshape", "x0 t", "y0", {})], [[3, 2, 4]],
    {"zero": numpy.array(0, numpy.int64), "axes": ints(0), "rest": ints(-1)}, dynamic=True)  # fmt: skip
case("twice the size", [("Shape", "x0", "s", {}), ("Slice", "s two four", "hw", {}), ("Cast", "hw", "f", {"to": 1}),
    ("Mul", "f by", "g", {}), ("Floor", "g", "h", {}), ("Cast", "h", "i", {"to": 7}), ("Slice", "s none two", "nc", {}),
    ("Concat", "nc i", "z", {"axis": 0}), ("Resize", "x0   z", "y0", {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"})],
    [[1, 2, 3, 4]], {"two": ints(2), "four": ints(4), "none": ints(0), "by": floats(2, 1.5)})  # fmt: skip
case("a shape of its own", [("ConstantOfShape", "s", "c", {"value": helper.make_tensor("v", 1, [1], [2.5])}), ("Add", "x0 c", "y0", {})], [[2, 3]], {"s": ints(2, 3)})
case("counted", [("Range", "a b c", "r", {}), ("Cast", "r", "f", {"to": 1}), ("Mul", "x0 f", "y0", {})], [[2, 3]],
    {"a": numpy.array(1, numpy.int64), "b": numpy.array(7, numpy.int64), "c": numpy.array(2, numpy.int64)})  # fmt: skip
case("chosen", [("Shape", "x0", "s", {}), ("Equal", "wanted minus", "c", {}), ("Where", "c s wanted", "w", {}), ("Expand", "x0 w", "y0", {})], [[2, 1]],
    {"wanted": ints(-1, 4), "minus": ints(-1)})  # fmt: skip
case("two in, two out", [("Add", "x0 x1", "y0", {}), ("Mul", "x0 y0", "y1", {})], [[2, 3], [2, 3]], outputs=2)
case("constants by attribute", [("Constant", "", "a", {"value_float": 2.0}), ("Constant", "", "b", {"value_ints": [3, 2]}),
    ("Mul", "x0 a", "m", {}), ("Reshape", "m b", "y0", {})], [[2, 3]])  # fmt: skip
case("weights turned", [("Transpose", "w", "t", {"perm": [1, 0]}), ("MatMul", "x0 t", "y0", {})], [[2, 4]], {"w": numbers((3, 4), 21)})
for kind in (numpy.float16, numpy.float64):
    case(f"weights of {kind.__name__}", [("Cast", "w", "c", {"to": 1}), ("MatMul", "x0 c", "y0", {})], [[2, 3]], {"w": numbers((3, 2), 22).astype(kind)})

one("GroupNormalization 18", "GroupNormalization", [2, 4, 3, 3], {"s": numbers((2,), 14), "b": numbers((2,), 15)}, opset=18, num_groups=2)
one("LRN of an even size", "LRN", [7, 7, 2, 1], size=4, alpha=0.5, beta=0.75, bias=2.0)
one("Celu", "Celu", [2, 9], alpha=0.4)
one("Shrink", "Shrink", [2, 9], lambd=0.25, bias=0.125)
one("ThresholdedRelu", "ThresholdedRelu", [2, 9], alpha=0.25)
for operator in ("Softsign", "Exp", "Reciprocal", "Sign", "Sqrt"):
    case(operator, [("Add", "x0 c", "a", {}), (operator, "a", "y0", {})], [[2, 3, 4]], {"c": floats(1.5 if operator in ("Reciprocal", "Sqrt") else 0)})
for exponent in (-1, 0.5, 0.75, 1.5, 2, 3.25, -0.5, 0.3):
    case(f"Pow {exponent}", [("Add", "x0 c", "a", {}), ("Pow", "a e", "y0", {})], [[2, 9]], {"c": floats(1.5), "e": numpy.float32(exponent)})
for operator in ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"):
    one(operator, operator, [2, 3, 4], axes=[1], keepdims=1)
    one(f"{operator} of two", operator, [2, 3, 4], axes=[0, 2], keepdims=0)
case("Log of a Sigmoid", [("Sigmoid", "x0", "s", {}), ("Log", "s", "y0", {})], [[2, 9]])
case("Log of a Softmax", [("Softmax", "x0", "s", {"axis": 1}), ("Log", "s", "y0", {})], [[2, 9, 2]])
for operator in ("Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal"):
    nodes = [(operator, "x0 x1", "c", {}), ("Cast", "c", "f", {"to": 1}), ("Mul", "f x0", "g", {}), ("Where", "c g x1", "y0", {})]
    case(f"{operator} of tensors", nodes, [[2, 9], [9]])
case("logic of tensors", [("Greater", "x0 low", "a", {}), ("Less", "x0 high", "b", {}), ("And", "a b", "c", {}), ("Not", "c", "d", {}),
    ("Xor", "a d", "e", {}), ("Or", "e b", "f", {}), ("Where", "f x0 low", "y0", {})], [[2, 9]], {"low": floats(-0.2), "high": floats(0.3)})  # fmt: skip
case("Max of tensors", [("Max", "x0 x1 c", "y0", {})], [[2, 9], [9]], {"c": numpy.float32(0.1)})
case("Min of tensors", [("Min", "c x0", "y0", {})], [[2, 9]], {"c": numpy.float32(0.1)})
case("MatMul of a constant by a tensor", [("MatMul", "w x0", "y0", {})], [[2, 4, 3]], {"w": numbers((5, 4), 23)})
one("MatMul of a vector", "MatMul", [2, 3, 5], {"b": numbers((5,), 24)})
case("GatherND", [("GatherND", "x0 i", "y0", {})], [[3, 4, 2]], {"i": numpy.array([[[0, 1], [2, -1]], [[1, 1], [2, 0]]], numpy.int64)})
one("Resize by a scale of float32", "Resize", [1, 2, 3, 4], {"roi": None, "scales": floats(1, 1, 1.5, 2.25)}, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
case("weights standardised", [("ReduceMean", "w", "m", {"axes": [1, 2, 3]}), ("Sub", "w m", "d", {}), ("Mul", "d d", "q", {}), ("ReduceMean", "q", "v", {"axes": [1, 2, 3]}),
    ("Sqrt", "v", "r", {}), ("Div", "d r", "n", {}), ("Conv", "x0 n", "y0", {})], [[1, 3, 5, 5]], {"w": W})  # fmt: skip
def branch(name, *nodes):
    protos = [helper.make_node(op, ins.split(" "), [out], **attributes) for op, ins, out, attributes in nodes]
    return helper.make_graph(protos, name, [], [helper.make_tensor_value_info(nodes[-1][2], TensorProto.FLOAT, None)])
for batch in (1, 2):
    thens, other = branch("then", ("Mul", "x0 x0", "t", {}), ("Squeeze", "t zero", "u", {})), branch("else", ("Relu", "x0", "t", {}))
    case(f"If, by the batch of {batch}", [("Shape", "x0", "s", {}), ("Gather", "s first", "n", {}), ("Equal", "n one", "c", {}),
        ("If", "c", "i", {"then_branch": thens, "else_branch": other}), ("Neg", "i", "y0", {})], [[batch, 3, 2]],
        {"first": numpy.array(0, numpy.int64), "one": numpy.array(1, numpy.int64), "zero": ints(0)}, dynamic=True)  # fmt: skip
case("If of a constant", [("If", "c", "y0", {"then_branch": branch("then", ("Erf", "x0", "t", {})), "else_branch": branch("else", ("Abs", "x0", "t", {}))})],
    [[2, 3]], {"c": numpy.array(False)})  # fmt: skip
case("MatMul of tensors", [("MatMul", "x0 x1", "y0", {})], [[2, 3, 5], [5, 4]])
case("MatMul of tensors, broadcast", [("MatMul", "x0 x1", "y0", {})], [[3, 1, 2, 4], [2, 4, 3]])
case("MatMul of a computed vector", [("MatMul", "x0 x1", "y0", {})], [[4], [2, 4, 3]])
case("MatMul by several constants", [("MatMul", "x0 w", "y0", {})], [[2, 3, 5]], {"w": numbers((2, 5, 4), 25)})
case("MatMul of several constants", [("MatMul", "w x0", "y0", {})], [[3, 2]], {"w": numbers((2, 5, 3), 25)})
case("MatMul with itself", [("Transpose", "x0", "t", {"perm": [0, 2, 1]}), ("MatMul", "x0 t", "y0", {})], [[2, 3, 5]])
case("MatMul of many rows", [("Transpose", "x0", "t", {"perm": [1, 0]}), ("MatMul", "t x0", "m", {}), ("ReduceMean", "m", "y0", {"axes": [1]})], [[20, 240]])
case("Gemm of tensors", [("Gemm", "x0 x1 c", "y0", {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0})], [[5, 3], [4, 5]], {"c": numbers((4,), 9)})
case("Where by constants", [("Where", "c x0 x1", "y0", {})], [[2, 3], [3]], {"c": numpy.array([[True], [False]])})
case("And with a constant", [("Greater", "x0 zero", "g", {}), ("And", "g c", "h", {}), ("Where", "h x0 zero", "y0", {})], [[2, 3]],
    {"c": numpy.array([True, False, True]), "zero": floats(0)})  # fmt: skip
# TensorFlow's padding, as PyTorch's exporter writes it: ceil(size / 2) - 1) * 2 + 3 - size, never less than 0, half of it before
case("padding from the size", [("Shape", "x0", "s", {}), ("Gather", "s two", "h", {}), ("Cast", "h", "f", {"to": 1}), ("Div", "f by", "q", {}), ("Ceil", "q", "u", {}),
    ("Sub", "u one", "v", {}), ("Mul", "v by", "w", {}), ("Add", "w three", "t", {}), ("Sub", "t f", "p", {}), ("Clip", "p zero", "c", {}), ("Div", "c by", "g", {}),
    ("Cast", "g", "i", {"to": 7}), ("Cast", "c", "j", {"to": 7}), ("Sub", "j i", "k", {}), ("Relu", "k", "l", {}), ("Unsqueeze", "i axes", "begin", {}),
    ("Unsqueeze", "l axes", "end", {}), ("Concat", "none begin none none end none", "pads", {"axis": 0}), ("Pad", "x0 pads", "y0", {})], [[1, 2, 6, 5][1:]],
    {"two": numpy.array(1, numpy.int64), "by": numpy.float32(2), "one": numpy.float32(1), "three": numpy.float32(3), "zero": numpy.float32(0), "axes": ints(0), "none": ints(0)})  # fmt: skip
one("LpPool", "LpPool", [1, 2, 7, 8], opset=18, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
one("LpPool of p 3", "LpPool", [1, 2, 9], opset=18, kernel_shape=[3], dilations=[2], p=3)
one("LpPool of p 1", "LpPool", [1, 2, 6, 6], opset=18, kernel_shape=[2, 2], p=1)
one("Mean", "Mean", [2, 3], {"a": numbers((3,), 26), "b": numbers((2, 1), 27)})
one("AveragePool dilated", "AveragePool", [1, 2, 7, 9], opset=19, kernel_shape=[2, 3], dilations=[2, 3], strides=[2, 1])
one("AveragePool dilated, counting pads", "AveragePool", [1, 2, 7, 7], opset=19, kernel_shape=[3, 2], dilations=[2, 2], pads=[1, 2, 2, 1], count_include_pad=1)
for how in ("half_pixel_symmetric", "tf_half_pixel_for_nn"):
    one(f"Resize nearest {how}", "Resize", [1, 2, 5, 4], {"roi": None, "scales": floats(1, 1, 1.5, 0.6)}, opset=19, coordinate_transformation_mode=how, nearest_mode="floor")
one("Resize linear half_pixel_symmetric", "Resize", [1, 2, 4, 4], {"roi": None, "scales": floats(1, 1, 2.3, 0.6)}, opset=19, mode="linear", coordinate_transformation_mode="half_pixel_symmetric")
one("Resize linear to one pixel", "Resize", [1, 2, 4, 4], {"roi": None, "scales": None, "sizes": ints(1, 2, 1, 3)}, mode="linear", coordinate_transformation_mode="pytorch_half_pixel")
for mode in ("linear", "cubic"):
    one(f"Resize {mode} against aliasing", "Resize", [1, 2, 8, 9], {"roi": None, "scales": None, "sizes": ints(1, 2, 5, 4)}, opset=18, mode=mode, antialias=1)
one("Resize cubic, taps outside left out", "Resize", [1, 2, 4, 4], {"roi": None, "scales": floats(1, 1, 0.8, 2)}, mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)
one("Resize cubic asymmetric", "Resize", [1, 2, 4, 4], {"roi": None, "scales": floats(1, 1, 2, 1.5)}, mode="cubic", coordinate_transformation_mode="asymmetric")
one("Resize cubic of volumes", "Resize", [1, 1, 3, 4, 3], {"roi": None, "scales": floats(1, 1, 2, 1, 1.5)}, mode="cubic")
for attributes in ({}, {"exclusive": 1}, {"reverse": 1}, {"exclusive": 1, "reverse": 1}):
    one(" ".join(["CumSum", *attributes]), "CumSum", [2, 5, 3], {"axis": numpy.array(1)}, **attributes)
one("CumSum of more than a block", "CumSum", [1, 300], {"axis": numpy.array(-1, numpy.int32)}, reverse=1)
case("CumSum of constants", [("CumSum", "w axis", "s", {"reverse": 1}), ("CumSum", "w axis", "t", {"exclusive": 1}), ("Sub", "s t", "u", {}), ("Add", "x0 u", "y0", {})],
     [[2, 5, 3]], {"w": numbers((2, 5, 3), 28), "axis": numpy.array(1)})
for equation, *shapes in (
    ("bij,bjk->bik", [2, 3, 4], [2, 4, 5]),
    ("bhqd,bhkd->bhqk", [2, 3, 4, 5], [2, 3, 6, 5]),
    ("nkctv,kvw->nctw", [2, 3, 4, 2, 5], [3, 5, 6]),
    ("bchw,bcd->bdhw", [2, 3, 4, 2], [2, 3, 5]),
    ("ij,jk", [3, 4], [4, 5]),
    ("...ij,...jk->...ik", [2, 1, 3, 4], [3, 4, 5]),
    ("i,j->ji", [3], [4]),
    ("bij,bij->b", [2, 3, 4], [2, 3, 4]),
    ("abc,cd->d", [2, 3, 4], [4, 5]),
    ("bij->bji", [2, 3, 4]),
    ("bij->i", [2, 3, 4]),
    ("bi,ij,bj->b", [2, 3], [3, 4], [2, 4]),
):
    inputs = " ".join(f"x{i}" for i in range(len(shapes)))
    case(f"Einsum {equation}", [("Einsum", inputs, "y0", {"equation": equation})], shapes)
for equation, shape, w in (
    ("nkctv,kvw->nctw", [2, 3, 4, 2, 5], (3, 5, 6)),
    ("...i,ij->...j", [2, 3, 4], (4, 5)),
    ("nct,cd->ndt", [2, 3, 4], (3, 5)),
    ("bij,bjk->bik", [2, 3, 4], (2, 4, 5)),
    ("nct,dc->t", [2, 3, 4], (5, 3)),
):
    one(f"Einsum {equation} of a constant", "Einsum", shape, {"w": numbers(w, 29)}, equation=equation)
case("Einsum of a constant first", [("Einsum", "w x0", "y0", {"equation": "dc,nct->ndt"})], [[2, 3, 4]], {"w": numbers((5, 3), 29)})
case("GatherND of constants", [("GatherND", "w i", "g", {}), ("Add", "x0 g", "y0", {})], [[2, 2, 3]],
     {"w": numbers((3, 4, 3), 30), "i": numpy.array([[[0, 1], [2, -1]], [[1, 1], [2, 0]]], numpy.int64)})

path = pathlib.Path(__file__).parent.parent / "test" / "vectors" / "onnx.json"
path.write_text(json.dumps(cases) + "\n")  # and then: npx biome check --write test/vectors/onnx.json
print(len(cases), path.stat().st_size)
