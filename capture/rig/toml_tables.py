"""A table of a file that people write by hand, checked: a slip ends in one sentence that names what was meant."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from capture.errors import CaptureError
from geometry.told_values import toml_of

Table = TypeVar("Table")
MANY = 12
"""More choices than this are not listed in a sentence."""


def read_toml(path: Path, *, missing: str) -> dict[str, Any]:
    """The contents of a TOML file. Raises CaptureError; `missing` is the next step where there is no such file."""
    try:
        return toml_of(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CaptureError(f"there is no {path}; {missing}") from None
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}); correct its permissions or its name") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaptureError(f"{path} is not valid TOML ({error}); correct that line") from None


def checked(kind: type[Table], values: Mapping[str, Any], where: str, *, besides: Iterable[str] = ()) -> Table:
    """A value of the pydantic dataclass `kind` from a table at `where`, such as `rig.toml: [chain]`.

    `besides` are keys that the table may also have and that were taken out before. Raises CaptureError in one sentence
    for a key or a choice that does not exist, with the nearest that does, and for a value that cannot be used: a number
    in quotes is a text, and no number.
    """
    known = [field.name for field in fields(kind)]  # pyright: ignore[reportArgumentType]
    for key in values:
        if key not in known:
            raise CaptureError(f"{where}: there is no key '{key}'; {meant(key, [*besides, *known])}")
    try:
        # As JSON: there a strict check still takes a list for a tuple, and a table for a dataclass.
        return TypeAdapter(kind).validate_json(json.dumps(dict(values), default=_plain), strict=True)
    except ValidationError as error:
        raise CaptureError(f"{where}: {_sentence(error)}") from None
    except CaptureError as error:
        raise CaptureError(f"{where}: {error}") from None


def meant(word: str, choices: Iterable[str]) -> str:
    """The end of a sentence about a word that is not among the choices: the nearest one, or all of them."""
    choices = list(choices)
    by_lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    if near:
        return f"did you mean '{by_lower[near[0]]}'?"
    if not choices:
        return "there is none to choose from"
    more = f" and {len(choices) - MANY} more" if len(choices) > MANY else ""
    return f"choose one of {', '.join(choices[:MANY])}{more}"


def _plain(value: Any) -> Any:
    """What JSON has no word for: a dataclass, or a date, which nothing here can use."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else [str(value)]


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    value = first["input"]
    if first["type"] == "literal_error":
        choices = [
            word.strip().strip("'")
            for word in str(first.get("ctx", {}).get("expected", "")).replace(" or ", ", ").split(",")
        ]
        return f"{key} = {value!r} is unknown; {meant(str(value), choices)}"
    if first["type"] == "missing":
        return f"the key '{key}' is missing; add it"
    reason = first["msg"].removeprefix("Value error, ")
    if not key:
        return reason
    return f"{key} = {value!r} cannot be used ({reason[0].lower()}{reason[1:]}); correct that line"
