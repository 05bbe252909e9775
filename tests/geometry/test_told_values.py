"""JSON and TOML of files that are not honest: one kind of error, whatever is wrong."""

from __future__ import annotations

import tomllib

import pytest

from geometry.told_values import json_of, toml_of

DEEP = 100_000


@pytest.mark.parametrize(
    "text", ["[" * DEEP, '{"a":' * DEEP, "[" * DEEP + "]" * DEEP, "9" * 5000, "", "{", b"\xff\xfe{"]
)
def test_json_that_is_none_is_a_value_error(text):
    with pytest.raises(ValueError):
        json_of(text)


@pytest.mark.parametrize("text", ["a = " + "[" * DEEP, "a = " + "9" * 5000, "a =", "a = 1\na = 2"])
def test_toml_that_is_none_is_its_own_error(text):
    with pytest.raises(tomllib.TOMLDecodeError):
        toml_of(text)


def test_whole_values_are_read():
    assert json_of('{"a": [1, 2.5, "x"]}') == {"a": [1, 2.5, "x"]}
    assert toml_of('a = [1, 2.5, "x"]') == {"a": [1, 2.5, "x"]}
