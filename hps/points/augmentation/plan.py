"""A plan: operations in their order, read from and written to TOML, and done to batches of clouds."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import tomli_w
import torch
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from torch import Tensor

from geometry.told_values import toml_of
from hps.errors import HpsError
from hps.points.augmentation.blobs import Blobs
from hps.points.augmentation.body_facts import BodyFacts, default_facts
from hps.points.augmentation.measuring import DropRays, Jitter, Noise
from hps.points.augmentation.operation import STRICT, Draw
from hps.points.augmentation.placing import Center, Mirror, Scale, Shift, Tilt, Turn, Yaw, turned
from hps.points.augmentation.taking import Grid, RemoveParts, RemoveRegion, Thin
from hps.points.cloud_batch import CloudBatch

PLANS: Final = Path(__file__).parent / "plans"
"""Those that come with the program."""
FORMAT: Final = 1

AnyOperation = Annotated[
    Noise
    | Jitter
    | DropRays
    | Yaw
    | Tilt
    | Shift
    | Center
    | Mirror
    | Scale
    | RemoveParts
    | RemoveRegion
    | Thin
    | Grid
    | Blobs,
    Field(discriminator="kind"),
]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AugmentationPlan:
    """What is done to clouds, step by step."""

    operations: tuple[AnyOperation, ...] = ()
    purpose: str = ""
    """What it is for, in a sentence."""

    @property
    def keeps_bodies(self) -> bool:
        """Whether parameters still describe every body afterwards."""
        return not any(operation.shaping and operation.share for operation in self.operations)


def augment(
    batch: CloudBatch, plan: AugmentationPlan, generator: torch.Generator, facts: BodyFacts | None = None
) -> CloudBatch:
    """The batch after every operation of the plan. The same generator state gives the same result.

    `facts` are of the body model of the truth; by default of the one that is set. The generator may be on any device.
    """
    draw = Draw(generator=generator, facts=default_facts() if facts is None else facts, like=batch.points)
    turn: Tensor | None = None
    for operation in plan.operations:
        chosen = operation.chosen(batch, draw)
        if isinstance(operation, Turn):
            R = operation.turns(batch, chosen, draw)
            turn = R if turn is None else R @ turn
            continue
        if turn is not None:
            batch, turn = turned(batch, turn, draw.facts), None
        batch = operation.change(batch, chosen, draw)
    return batch if turn is None else turned(batch, turn, draw.facts)


def load_plan(name_or_path: str | Path) -> AugmentationPlan:
    """A plan by its name among those that come with the program, or of a TOML file.

    Raises HpsError when there is none, and for a file that says something that no operation knows.
    """
    path = Path(name_or_path)
    if not path.suffix:
        path = PLANS / f"{name_or_path}.toml"
    try:
        data = toml_of(path.read_text("utf-8"))
    except FileNotFoundError:
        known = ", ".join(plan_names())
        raise HpsError(f"there is no plan {name_or_path}; give a .toml file or one of {known}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HpsError(f"{path} is no plan that can be read ({error})") from None
    return plan_of(data, str(path))


def plan_of(data: dict[str, Any], place: str) -> AugmentationPlan:
    """A plan of plain values, as TOML holds them. Raises HpsError naming the field that is wrong."""
    if (found := data.get("format")) != FORMAT:
        raise HpsError(f"{place} has format {found}, this program reads {FORMAT}; write `format = {FORMAT}` above it")
    values = {"operations" if name == "operation" else name: v for name, v in data.items() if name != "format"}
    try:
        return TypeAdapter(AugmentationPlan).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise HpsError(f"{place}: {key} = {first['input']!r}: {first['msg']}") from None


def write_plan(path: Path, plan: AugmentationPlan) -> None:
    """Writes a plan that `load_plan` reads to the same values."""
    steps: Sequence[dict[str, Any]] = [_kind_first(asdict(operation)) for operation in plan.operations]
    data = {"format": FORMAT, "purpose": plan.purpose, "operation": steps}
    path.write_text(tomli_w.dumps(data), encoding="utf-8")


def plan_names() -> tuple[str, ...]:
    """Of the plans that come with the program."""
    return tuple(sorted(path.stem for path in PLANS.glob("*.toml")))


def _kind_first(values: dict[str, Any]) -> dict[str, Any]:
    return {"kind": values.pop("kind"), **values}
