"""Actions: what a person does in a take, described limb by limb, and what is said to them before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, field, fields
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from capture.catalogue.ids import action_id, number_of
from capture.errors import CaptureError
from capture.rig.toml_tables import checked, meant, read_toml

ACTIONS_FILE = "actions.toml"
SCHEMA = 1
_STRICT = ConfigDict(extra="forbid")
Line = Annotated[str, Field(max_length=400)]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Limbs:
    """What each part of the body does: the parts of HuMMan's text annotations (HuMMan-MoGen v1.0, `annotations/`)."""

    all: Line = ""
    """The whole body, in a sentence."""
    head: Line = ""
    stem: Line = ""
    """Trunk and neck."""
    left_arm: Line = ""
    right_arm: Line = ""
    left_leg: Line = ""
    right_leg: Line = ""
    pelvis: Line = ""

    def said(self) -> list[tuple[str, str]]:
        """Part and text of the parts that have one, the whole body first."""
        return [(f.name.replace("_", " "), getattr(self, f.name)) for f in fields(self) if getattr(self, f.name)]


LIMBS = tuple(f.name for f in fields(Limbs))


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Action:
    """One action of the catalogue."""

    id: Annotated[int, Field(ge=0, le=999_999)]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    limbs: Limbs = field(default_factory=Limbs)
    prompts: tuple[Line, ...] = ()
    """Read aloud before the take, in this order."""
    seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    """How long a take lasts when the operator names no length."""

    @property
    def code(self) -> str:
        """`a000011`."""
        return action_id(self.id)

    @property
    def prompt(self) -> str:
        """All that is read aloud, or what the whole body does where there is no prompt."""
        return " ".join(self.prompts) or self.limbs.all or self.name


def read_actions(folder: Path | None, built_in: Sequence[Action]) -> dict[int, Action]:
    """Actions by number: the built-in ones, and those of `folder/actions.toml`, which win.

    Raises CaptureError when that file is wrong.
    """
    actions = {action.id: action for action in built_in}
    path = None if folder is None else folder / ACTIONS_FILE
    if path is not None and path.exists():
        actions |= {action.id: action for action in actions_of_file(path)}
    return dict(sorted(actions.items()))


def actions_of_file(path: Path) -> list[Action]:
    """The `[[actions]]` of a TOML file. Raises CaptureError for a slip, or a number that comes twice."""
    values = read_toml(path, missing="write [[actions]] tables into it, or import a CSV")
    for key in values:
        if key not in ("schema", "actions"):
            raise CaptureError(f"{path}: there is no key '{key}'; {meant(key, ['schema', 'actions'])}")
    tables = values.get("actions", [])
    if not isinstance(tables, list) or not tables:
        raise CaptureError(f"{path} has no action; write each as a table [[actions]] with id and name")
    return unique((action_of(table, f"{path}: [[actions]] number {n}") for n, table in enumerate(tables, 1)), path)


def action_of(table: Any, where: str) -> Action:
    """An action from a table whose limbs are keys of their own or a table `limbs`. Raises CaptureError for a slip."""
    if not isinstance(table, Mapping):
        raise CaptureError(f"{where} is not a table; write it as [[actions]]")
    inner = table.get("limbs", {})
    if not isinstance(inner, Mapping):
        raise CaptureError(f"{where}: limbs is {inner!r}; write a table: [actions.limbs]")
    loose = {key: value for key, value in table.items() if key in LIMBS}
    limbs = checked(Limbs, {**inner, **loose}, f"{where}: limbs")
    rest = {key: value for key, value in table.items() if key not in (*LIMBS, "limbs")}
    return checked(Action, {**rest, "limbs": limbs}, where, besides=LIMBS)


def unique(actions: Iterable[Action], path: Path) -> list[Action]:
    """The actions. Raises CaptureError when a number comes twice."""
    found: dict[int, Action] = {}
    for action in actions:
        if action.id in found:
            raise CaptureError(
                f"{path}: id {action.id} is '{found[action.id].name}' and '{action.name}'; give one another number"
            )
        found[action.id] = action
    return list(found.values())


def find_action(actions: Mapping[int, Action], word: str) -> Action:
    """The action of a number (`11`, `a000011`) or a name. Raises CaptureError with the nearest name."""
    number = number_of(word, "a")
    if number is not None:
        if number in actions:
            return actions[number]
        raise CaptureError(f"there is no action {number}; see humanrig actions list, or humanrig actions import FILE")
    named = {_plain(action.name): action for action in actions.values()}
    if _plain(word) in named:
        return named[_plain(word)]
    raise CaptureError(f"there is no action '{word}'; {meant(word, [a.name for a in actions.values()])}")


def write_actions(folder: Path, actions: Sequence[Action]) -> Path:
    """Writes `folder/actions.toml` whole; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ACTIONS_FILE
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(tomli_w.dumps({"schema": SCHEMA, "actions": [_table(action) for action in actions]}), "utf-8")
    partial.replace(path)
    return path


def _table(action: Action) -> dict[str, Any]:
    table = {key: value for key, value in asdict(action).items() if value not in (None, ())}
    return {**table, "limbs": {key: value for key, value in asdict(action.limbs).items() if value}}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
