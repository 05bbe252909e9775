"""Faults of files of text: numbers that are none, hostile words, lines that lack, nesting without end, entities."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from fuzzing.faults.fault import HOSTILE_NUMBERS, HOSTILE_WORDS, Fault, Means

NUMBER = re.compile(rb"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
WORD = re.compile(rb"[A-Za-z_][A-Za-z_0-9./-]*")
DEPTHS = (50, 1_000, 100_000)


def number_changed(data: bytes, means: Means) -> bytes | None:
    """One to three numbers are at an edge, beyond it, or no number."""
    for _ in range(1 + means.below(3)):
        found = list(NUMBER.finditer(data))
        if not found:
            return None
        match = means.one(found[:4000])
        data = data[: match.start()] + means.one(HOSTILE_NUMBERS).encode() + data[match.end() :]
    return data


def word_changed(data: bytes, means: Means) -> bytes | None:
    """A key, a name or a value is another one, or hostile."""
    found = list(WORD.finditer(data))
    if not found:
        return None
    match = means.one(found[:4000])
    new = means.one(HOSTILE_WORDS) if means.rng.random() < 0.6 else bytes(means.one(found[:4000])[0]).decode()
    return data[: match.start()] + new.encode("utf-8", "surrogatepass") + data[match.end() :]


def lines_changed(data: bytes, means: Means) -> bytes | None:
    """A line lacks, comes twice, is exchanged with another, or is cut off."""
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return None
    at, other = means.below(len(lines)), means.below(len(lines))
    kind = means.below(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at:at] = [lines[at]] * means.one((1, 2, 50))
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at] = lines[at][: means.below(len(lines[at]))] + b"\n"
    return b"".join(lines)


def not_text(data: bytes, means: Means) -> bytes:
    """Bytes of no encoding, or the whole in another encoding."""
    if means.rng.random() < 0.3:
        return data.decode("latin1").encode(means.one(("utf-16", "utf-32", "utf-8-sig", "cp500")), "replace")
    at = means.below(len(data) + 1)
    return data[:at] + means.one((b"\xff\xfe", b"\x80", b"\xc3", b"\xed\xa0\x80", b"\0", b"\x1b[2J")) + data[at:]


def nested(data: bytes, means: Means) -> bytes:
    """Lists within lists, as deep as no reader can follow, in place of a value or of everything."""
    depth = means.one(DEPTHS)
    left, right = means.one(((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"<a>", b"</a>"), (b"- ", b"")))
    deep = left * depth + b"1" + right * (depth if means.rng.random() < 0.8 else 0)
    found = list(NUMBER.finditer(data))
    if means.rng.random() < 0.2 or not found:
        return deep
    match = means.one(found[:4000])
    return data[: match.start()] + deep + data[match.end() :]


def entities(data: bytes, means: Means) -> bytes:
    """What a format lets a text name: entities of XML, anchors and tags of YAML, files of others."""
    secret = (means.canary / "secret.txt").as_posix().encode()
    bomb = b"".join(b'<!ENTITY a%d "%s">' % (n + 1, b"&a%d;" % n * 10) for n in range(9))
    yaml = b"".join(b"a%d: &a%d [%s]\n" % (n + 1, n + 1, b", ".join([b"*a%d" % n] * 9)) for n in range(9))
    ran = (means.canary / "ran").as_posix().encode()
    begin = means.one((
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "aaaaaaaaaa">' + bomb + b"]><x>&a9;</x>",
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file://' + secret + b'">]><x>&e;</x>',
        b"a0: &a0 x\n" + yaml,
        b"a: !!python/object/apply:os.system [touch " + ran + b"]\n",
        b"a: !!python/object/new:subprocess.Popen [[touch, " + ran + b"]]\n",
        b"<<: *x\n",
        b"mtllib " + secret + b"\nusemtl x\nmap_Kd " + secret + b"\n",
        b"#include " + secret + b"\n",
    ))  # fmt: skip
    return begin if means.rng.random() < 0.3 else begin + data


def value_changed(data: bytes, means: Means) -> bytes | None:
    """Of JSON: a value becomes one of another kind, a key lacks or is another, a list is longer or shorter."""
    try:
        content = json.loads(data.decode("utf-8-sig").rstrip("\0 \r\n"))
    except (ValueError, RecursionError):
        return None
    for _ in range(1 + means.below(2)):
        places = list(_places(content))
        if not places:
            return None
        holder, key = means.one(places)
        _change(holder, key, means)
    return json.dumps(content).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key in value:
            yield value, key
            yield from _places(value[key])
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value, index
            yield from _places(value[index])


def _change(holder: Any, key: Any, means: Means) -> None:
    kind = means.below(4)
    value = holder[key]
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[means.one(HOSTILE_WORDS)] = holder.pop(key)
    elif kind == 2 and isinstance(value, list):
        holder[key] = means.one(([], value[:-1], value + value, [value], value * 100, value[0] if value else 0))
    else:
        holder[key] = means.one((
            None, True, [], {}, 0, -1, 2**31, 2**63, -(2**70), 1e308, float("nan"), float("inf"), "", "x", [[]], [None],
            {"a": 1}, 1e-300, means.one(HOSTILE_WORDS), value, [value, value], str(value), "9" * 5000,
        ))  # fmt: skip


WORDS: Final[dict[str, tuple[Fault, ...]]] = {
    "NaN and extremes": (number_changed,),
    "hostile text": (word_changed, not_text),
    "wrong kinds": (lines_changed, value_changed),
    "nesting": (nested,),
    "references": (entities,),
}
