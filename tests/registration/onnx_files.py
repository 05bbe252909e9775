"""Tiny ONNX files, written byte by byte, for the tests of detectors."""

import numpy as np

FLOAT = 1


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def tensor(name, array):
    dims = b"".join(number(1, n) for n in array.shape)
    kind = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}[array.dtype]
    return dims + number(2, kind) + block(8, name) + block(9, array.tobytes())


def value_info(name, shape):
    dims = b"".join(block(1, number(1, n) if isinstance(n, int) else block(2, n)) for n in shape)
    return block(1, name) + block(2, block(1, number(1, FLOAT) + block(2, dims)))


def node(kind, inputs, output, **attributes):
    data = b"".join(block(1, name) for name in inputs) + block(2, output) + block(3, output) + block(4, kind)
    for key, value in attributes.items():
        if isinstance(value, int):
            body = number(3, value) + number(20, 2)
        else:
            body = b"".join(number(8, n) for n in value) + number(20, 7)
        data += block(5, block(1, key) + body)
    return data


def model(nodes, inputs, outputs, weights):
    graph = b"".join(block(1, n) for n in nodes) + block(2, "graph")
    graph += b"".join(block(5, tensor(name, array)) for name, array in weights.items())
    graph += b"".join(block(11, value_info(*some)) for some in inputs.items())
    graph += b"".join(block(12, value_info(*some)) for some in outputs.items())
    return number(1, 7) + block(7, graph) + block(8, block(1, "") + number(2, 11))


def heatmaps(joints=17, width=48, height=64, stride=4, size=(48, 64)):
    """A pose model whose joint k shines where channel k % 3 of the image does."""
    pick = np.zeros((joints, 3, 1, 1), np.float32)
    pick[range(joints), [k % 3 for k in range(joints)]] = 1
    nodes = [
        node("MaxPool", ["image"], "pooled", kernel_shape=[stride, stride], strides=[stride, stride]),
        node("Conv", ["pooled", "pick"], "heatmaps", kernel_shape=[1, 1]),
    ]
    shape = [1, 3, *(size[::-1] if size else ("h", "w"))]
    out = [1, joints, height // stride, width // stride] if size else [1, joints, "a", "b"]
    return model(nodes, {"image": shape}, {"heatmaps": out}, {"pick": pick})


def simcc(joints=26, width=48, height=64, ratio=2):
    """A pose model with one line of bins for x and one for y; joint k is where channel k % 3 of the image shines."""
    pick = np.zeros((joints, 3, 1, 1), np.float32)
    pick[range(joints), [k % 3 for k in range(joints)]] = 1
    wide, high = (np.repeat(np.eye(n, dtype=np.float32), ratio, 1) for n in (width, height))
    nodes = [
        node("Conv", ["image", "pick"], "maps", kernel_shape=[1, 1]),
        node("ReduceMax", ["maps"], "columns", axes=[2], keepdims=0),
        node("ReduceMax", ["maps"], "rows", axes=[3], keepdims=0),
        node("MatMul", ["columns", "wide"], "simcc_x"),
        node("MatMul", ["rows", "high"], "simcc_y"),
    ]
    outputs = {"simcc_x": [1, joints, width * ratio], "simcc_y": [1, joints, height * ratio]}
    return model(nodes, {"image": [1, 3, height, width]}, outputs, {"pick": pick, "wide": wide, "high": high})


def whole_image(rows, width=64, height=64):
    """A model of whole images that answers with `rows` (name → array) times the brightest value of the image."""
    nodes = [
        node("ReduceMax", ["image"], "brightest_color", axes=[1], keepdims=0),
        node("ReduceMax", ["brightest_color"], "brightest", axes=[1, 2], keepdims=1),
    ]
    weights, outputs = {}, {}
    for name, array in rows.items():
        padded = array[None]
        weights[f"{name}_rows"] = padded.astype(np.float32)
        light = "brightest"
        if padded.ndim == 4:
            weights["four"] = np.array([1, 1, 1, 1], np.int64)
            nodes.append(node("Reshape", ["brightest", "four"], "brightest_four"))
            light = "brightest_four"
        nodes.append(node("Mul", [f"{name}_rows", light], name))
        outputs[name] = list(padded.shape)
    return model(nodes, {"image": [1, 3, height, width]}, outputs, weights)
