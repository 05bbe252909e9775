"""YAML as calibration tools write it: OpenCV's FileStorage, Kalibr, EasyMocap, ROS camera_info; read by PyYAML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from geometry.camera_files.reading import file_bytes
from geometry.errors import GeometryError


def read_yaml(path: Path | str) -> dict[str, Any]:
    """The file as dicts, lists, numbers, strings and, for matrices (rows, cols, data), arrays.

    Raises GeometryError, with the line, on a file that is missing, cut off, or not such YAML. Anchors, which no
    calibration tool writes, are refused.
    """
    try:
        text = file_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GeometryError(f"{path}: not a text file ({error.reason}); export the calibration again") from error
    text = re.sub(r"^%.*$", "", text, flags=re.MULTILINE)  # OpenCV's `%YAML:1.0` is no directive of YAML
    try:
        content = yaml.load(text, _Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = " ".join(str(error.problem).split())
        raise GeometryError(
            f"{path}: line {line} is not YAML of a calibration tool ({problem}); export it again"
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise GeometryError(f"{path}: not YAML of a calibration tool ({reason}); export it again") from error
    if content is None:
        raise GeometryError(f"{path}: the YAML file holds nothing; export the calibration again")
    if not isinstance(content, dict):
        raise GeometryError(f"{path}: the YAML file is no map of keys; export the calibration again")
    return _with_matrices(content, path)


class _Loader(yaml.SafeLoader):
    """Plain values alone, every key once; tags such as `!!opencv-matrix` are passed over."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="it has anchors", problem_mark=self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key that is no word", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"'{key.value}' a second time", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _untagged(loader: _Loader, suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("", _untagged)
_Loader.add_implicit_resolver(  # YAML 1.1 takes 1e-05, without a point, for a word
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789")
)


def _with_matrices(value: Any, path: Path | str) -> Any:
    """The same with an array for each map that is a matrix; keys are words."""
    if isinstance(value, list):
        return [_with_matrices(item, path) for item in value]
    if not isinstance(value, dict):
        return value
    content = {str(key): _with_matrices(item, path) for key, item in value.items()}
    if not {"rows", "cols", "data"} <= content.keys():
        return content
    rows, columns, data = content["rows"], content["cols"], content["data"]
    try:
        return np.array(data, np.float64).reshape(int(rows), int(columns))
    except (TypeError, ValueError, OverflowError) as error:
        count = len(data) if isinstance(data, list) else 0
        raise GeometryError(f"{path}: a matrix of {rows}x{columns} holds {count} numbers; export it again") from error
