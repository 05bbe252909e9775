"""A costume as named arrays and back, bit for bit: for files that need no pickle."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import numpy as np

from body.garments.cloth import Cloth
from body.garments.contact import BodyTopology
from body.garments.costume import Costume
from body.garments.folds import FoldField
from body.garments.lofting import Loft
from body.garments.sections import Sections

_COSTUME = ("faces", "uv", "uv_faces", "texture", "infrared")
_NESTED = ("folds", "lofts")


def arrays_of(costume: Costume) -> dict[str, np.ndarray]:
    """Everything of a tailored costume but the body's topology, by names like `cloth.rest`."""
    assert costume.cloth is not None, "painted clothes have no geometry to keep"
    arrays = {name: getattr(costume, name) for name in _COSTUME}
    cloth = costume.cloth
    arrays |= {f"cloth.{f.name}": getattr(cloth, f.name) for f in fields(Cloth) if f.name not in _NESTED}
    arrays |= {f"folds.{f.name}": getattr(cloth.folds, f.name) for f in fields(FoldField)}
    for n, (first, loft) in enumerate(cloth.lofts):
        arrays[f"loft{n}.first"] = np.array(first)
        arrays |= {f"loft{n}.{f.name}": np.asarray(getattr(loft, f.name)) for f in fields(Loft) if f.name != "sections"}
        arrays |= {f"sections{n}.{f.name}": getattr(loft.sections, f.name) for f in fields(Sections)}
    pieces = {name: [where.start, where.stop] for name, where in costume.pieces.items()}
    text = json.dumps({"description": costume.description, "pieces": pieces, "lofts": len(cloth.lofts)})
    return arrays | {"about": np.frombuffer(text.encode(), np.uint8)}


def costume_of(arrays: dict[str, np.ndarray], topology: BodyTopology) -> Costume:
    """The costume again; `topology` is that of the body's model. Raises KeyError or ValueError for other arrays."""
    about: dict[str, Any] = json.loads(arrays["about"].tobytes())
    cloth = Cloth(
        folds=FoldField(**_of(FoldField, "folds", arrays)),
        lofts=tuple((int(arrays[f"loft{n}.first"]), _loft(n, arrays)) for n in range(about["lofts"])),
        **_of(Cloth, "cloth", arrays, _NESTED),
    )
    return Costume(
        **{name: arrays[name] for name in _COSTUME},
        description=about["description"],
        topology=topology,
        cloth=cloth,
        pieces={name: slice(*where) for name, where in about["pieces"].items()},
    )


def _loft(n: int, arrays: dict[str, np.ndarray]) -> Loft:
    values = _of(Loft, f"loft{n}", arrays, ("sections",))
    numbers: dict[str, Any] = {name: float(value) if value.ndim == 0 else value for name, value in values.items()}
    return Loft(sections=Sections(**_of(Sections, f"sections{n}", arrays)), **numbers)


def _of(kind: type, prefix: str, arrays: dict[str, np.ndarray], but: tuple[str, ...] = ()) -> dict[str, Any]:
    return {f.name: arrays[f"{prefix}.{f.name}"] for f in fields(kind) if f.name not in but}
