"""What an ONNX file says of its inputs and outputs, read without a library for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from registration.errors import RegistrationError

Shape = tuple[int | None, ...]
"""None: left open by the file."""

_GRAPH, _INITIALIZER, _INPUT, _OUTPUT = 7, 5, 11, 12  # of ModelProto and GraphProto, onnx.proto
_NAME, _TYPE, _TENSOR, _SHAPE, _DIM, _DIM_VALUE, _TENSOR_NAME = 1, 2, 1, 2, 1, 1, 8


@dataclass(frozen=True, slots=True)
class OnnxHeader:
    """Name → shape, in the file's order; weights are not inputs."""

    inputs: dict[str, Shape]
    outputs: dict[str, Shape]


def read_header(path: Path) -> OnnxHeader:
    """The header of an ONNX file. Raises RegistrationError when the file is missing or no ONNX file."""
    try:
        data = memoryview(Path(path).read_bytes())
    except OSError as error:
        raise RegistrationError(f"detector {path} cannot be read ({error.strerror}); give the path of an .onnx file") \
            from None  # fmt: skip
    try:
        (graph,) = [value for field, value in _fields(data) if field == _GRAPH]
        inputs, outputs, weights = {}, {}, set()
        for field, value in _fields(graph):
            if field in (_INPUT, _OUTPUT):
                name, shape = _value_info(value)
                (inputs if field == _INPUT else outputs)[name] = shape
            elif field == _INITIALIZER:
                weights.update(_text(v) for f, v in _fields(value) if f == _TENSOR_NAME)
    except (ValueError, IndexError, UnicodeDecodeError, TypeError):
        raise RegistrationError(f"detector {path} is not an ONNX file, or it is damaged; export the model again") \
            from None  # fmt: skip
    return OnnxHeader({name: shape for name, shape in inputs.items() if name not in weights}, outputs)


def _value_info(data: memoryview | int) -> tuple[str, Shape]:
    name, shape = "", ()
    for field, value in _fields(data):
        if field == _NAME:
            name = _text(value)
        elif field == _TYPE:
            tensors = [v for f, v in _fields(value) if f == _TENSOR]
            shapes = [v for tensor in tensors for f, v in _fields(tensor) if f == _SHAPE]
            shape = tuple(_dimension(v) for s in shapes for f, v in _fields(s) if f == _DIM)
    return name, shape


def _dimension(data: memoryview | int) -> int | None:
    values = [value for field, value in _fields(data) if field == _DIM_VALUE and isinstance(value, int)]
    return values[0] if values and values[0] > 0 else None


def _fields(data: memoryview | int) -> Iterator[tuple[int, memoryview | int]]:
    """(number, value) of the fields of a protobuf message: whole numbers, or the bytes of everything else."""
    if isinstance(data, int):
        raise ValueError("a number where a message was expected")
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
            value, at = data[at : at + length], at + length
        elif kind == 2:
            length, at = _varint(data, at)
            value, at = data[at : at + length], at + length
        else:
            raise ValueError(f"wire type {kind}")
        if at > len(data):
            raise ValueError("cut off")
        yield key >> 3, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("number too long")


def _text(value: memoryview | int) -> str:
    if isinstance(value, int):
        raise ValueError("a number where a text was expected")
    return bytes(value).decode()
