"""YAML as calibration tools write it: OpenCV's FileStorage, Kalibr, EasyMocap, ROS camera_info.

Maps, lists, flow lists and maps, quoted strings, comments, and matrices (maps with rows, cols and data). Anchors, block
texts and several documents do not occur in these files and are refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from geometry.camera_files.reading import file_bytes
from geometry.errors import GeometryError

_KEY = re.compile(r"""^("(?:[^"\\]|\\.)*"|'[^']*'|[^\s\[\]{}"'#&*!|>%@`,][^\[\]{}"'#]*?)\s*:(?:\s+(.*))?$""")
_TAG = re.compile(r"^!\S*\s*")
_TOKEN = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[\[\]{},]|:(?=\s)|[^\s\[\]{},"'](?:[^\[\]{},:]|:(?!\s))*)""")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INFINITE = {".inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}

_Line = tuple[int, int, str]
"""Its number in the file, its indentation, and what is written."""


def read_yaml(path: Path | str) -> dict[str, Any]:
    """The file as dicts, lists, numbers, strings and, for matrices, arrays.

    Raises GeometryError, with the line, on a file that is missing, cut off, or not such YAML.
    """
    try:
        text = file_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GeometryError(f"{path}: not a text file ({error.reason}); export the calibration again") from error
    lines = _lines(text, path)
    if not lines:
        raise GeometryError(f"{path}: the YAML file holds nothing; export the calibration again")
    value, end = _block(lines, 0, lines[0][1], path)
    if end < len(lines):
        raise _broken(path, lines[end])
    if not isinstance(value, dict):
        raise GeometryError(f"{path}: the YAML file is no map of keys; export the calibration again")
    return value


def _lines(text: str, path: Path | str) -> list[_Line]:
    """Lines that say something, with flow lists over several lines joined."""
    lines: list[_Line] = []
    open_brackets = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = _without_comment(raw).rstrip()
        if not line.strip() or line.startswith(("%", "---", "...")):
            continue
        if open_brackets:
            first, indent, written = lines[-1]
            lines[-1] = (first, indent, f"{written} {line.strip()}")
        else:
            if "\t" in line[: len(line) - len(line.lstrip())]:
                raise GeometryError(f"{path}: line {number} is indented by a tab, which YAML forbids")
            lines.append((number, len(line) - len(line.lstrip()), line.strip()))
        bare = re.sub(r'"[^"]*"' + r"|'[^']*'", "", line)
        open_brackets += sum(map(bare.count, "[{")) - sum(map(bare.count, "]}"))
    if open_brackets:
        raise GeometryError(f"{path}: a list that begins in line {lines[-1][0]} never ends; the file is cut off")
    return lines


def _without_comment(line: str) -> str:
    quote = ""
    for at, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "#" and (at == 0 or line[at - 1].isspace()):
            return line[:at]
    return line


def _block(lines: list[_Line], at: int, indent: int, path: Path | str) -> tuple[Any, int]:
    """The list or map that begins at a line, and the line after it."""
    if lines[at][2] == "-" or lines[at][2].startswith("- "):
        return _sequence(lines, at, indent, path)
    content: dict[str, Any] = {}
    while at < len(lines) and lines[at][1] == indent:
        if not (found := _KEY.match(lines[at][2])):
            raise _broken(path, lines[at])
        key, rest = str(_scalar(found[1])), _TAG.sub("", found[2] or "")
        if key in content:
            raise GeometryError(f"{path}: line {lines[at][0]} gives '{key}' a second time")
        at += 1
        if rest:
            content[key] = _flow(rest, path, lines[at - 1])
        elif at < len(lines) and (lines[at][1] > indent or (lines[at][1] == indent and lines[at][2][:1] == "-")):
            content[key], at = _block(lines, at, lines[at][1], path)
        else:
            content[key] = None
    return _matrix(content, path), at


def _sequence(lines: list[_Line], at: int, indent: int, path: Path | str) -> tuple[list[Any], int]:
    items = []
    while at < len(lines) and lines[at][1] == indent and (lines[at][2] == "-" or lines[at][2].startswith("- ")):
        number, _, written = lines[at]
        rest = written[1:].lstrip()
        if not rest:
            at += 1
            if at == len(lines) or lines[at][1] <= indent:
                raise _broken(path, (number, indent, written))
            item, at = _block(lines, at, lines[at][1], path)
        elif _KEY.match(rest) and rest[0] not in "[{":
            inner = indent + len(written) - len(rest)
            lines[at] = (number, inner, rest)
            item, at = _block(lines, at, inner, path)
        else:
            item, at = _flow(_TAG.sub("", rest), path, lines[at]), at + 1
        items.append(item)
    return items, at


def _flow(text: str, path: Path | str, line: _Line) -> Any:
    """A value on one line: a scalar, `[…]` or `{…}`."""
    if text[0] not in "[{":
        if text[0] in "&*|>@`":
            raise _broken(path, line)
        return _scalar(text)
    tokens = _TOKEN.findall(text)
    try:
        value = _flow_value(tokens)
    except (IndexError, ValueError) as error:
        raise _broken(path, line) from error
    if tokens:
        raise _broken(path, line)
    return _matrix(value, path) if isinstance(value, dict) else value


def _flow_value(tokens: list[str]) -> Any:
    token = tokens.pop(0)
    if token == "[":
        items = []
        while tokens[0] != "]":
            items.append(_flow_value(tokens))
            _comma(tokens, "]")
        tokens.pop(0)
        return items
    if token == "{":
        content = {}
        while tokens[0] != "}":
            key = str(_scalar(tokens.pop(0)))
            if tokens.pop(0) != ":":
                raise ValueError(key)
            content[key] = _flow_value(tokens)
            _comma(tokens, "}")
        tokens.pop(0)
        return content
    if token in "]},:":
        raise ValueError(token)
    return _scalar(token.strip())


def _comma(tokens: list[str], end: str) -> None:
    if tokens[0] == ",":
        tokens.pop(0)
    elif tokens[0] != end:
        raise ValueError(tokens[0])


def _scalar(text: str) -> Any:
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    if text[:1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if (low := text.lower()) in _WORDS:
        return _WORDS[low]
    if low in _INFINITE:
        return _INFINITE[low]
    try:
        return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text) if text[-1:] in "0123456789." else text
    except ValueError:
        return text


def _matrix(content: dict[str, Any], path: Path | str) -> Any:
    """An array where the map is a matrix, else the map."""
    if not {"rows", "cols", "data"} <= content.keys():
        return content
    rows, columns, data = content["rows"], content["cols"], content["data"]
    try:
        return np.array(data, np.float64).reshape(int(rows), int(columns))
    except (TypeError, ValueError, OverflowError) as error:
        count = len(data) if isinstance(data, list) else 0
        raise GeometryError(f"{path}: a matrix of {rows}x{columns} holds {count} numbers; export it again") from error


def _broken(path: Path | str, line: _Line) -> GeometryError:
    return GeometryError(f"{path}: line {line[0]} is not YAML of a calibration tool: {line[2][:60]!r}; export it again")
