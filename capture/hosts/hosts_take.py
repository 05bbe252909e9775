"""A take of several recording computers: who took part, how their clocks lay, what became of each part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from capture.hosts.address import HostError, checked_name
from capture.hosts.clock_comparison import HostOffset
from geometry.told_values import json_of

SUFFIX = ".hosts.json"


@dataclass(frozen=True, kw_only=True)
class HostPart:
    """What one computer did in a take."""

    name: str
    devices: tuple[Mapping[str, str], ...]
    """Name, model, serial and sync role of each."""
    offset: HostOffset
    started_us: float = 0.0
    """When its devices were started, on the clock of the computer that started the take."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Seconds, frames, losses, as it said at the end; empty when it was lost."""
    lost: str = ""
    """Why nobody heard its end; empty when somebody did."""
    folder: str = ""
    """Where its part is on that computer."""


@dataclass(frozen=True, kw_only=True)
class HostsTake:
    """A take that has ended, on all of its computers or on those that are left."""

    session: str
    parts: tuple[HostPart, ...]
    """The first one's clock is the session's."""
    planned_s: float | None = None
    """How long it was to be; None when it was ended by hand, or when that was not kept."""

    @property
    def keep(self) -> bool:
        """Whether every part ended well and lost no frame."""
        return not any(
            part.lost or part.figures.get("lost") or part.figures.get("ended_because") for part in self.parts
        )

    @property
    def verdict(self) -> tuple[str, ...]:
        """Keep or repeat, and why: a line for each computer."""
        head = "keep" if self.keep else "look at it: a part is missing, short or has lost frames"
        lines = [f"{self.session}: {head}"]
        for part in self.parts:
            if part.lost:
                lines.append(
                    f"{part.name}: lost during the take ({part.lost}); the others went on. When it runs again: "
                    f"humanrig repair {part.folder}, then merge"
                )
                continue
            ended = part.figures.get("ended_because")
            text = f"{part.figures['seconds']:.1f} s, {sum(part.figures['frames'].values())} frames, "
            text += f"{part.figures['lost']} lost, clock known to {part.offset.uncertainty_us / 1000:.2f} ms"
            lines.append(f"{part.name}: {text}{f'; it ended by itself: {ended}' if ended else ''}")
        return tuple(lines)

    def write(self, folder: Path) -> Path:
        """Keeps it beside the parts, for the merging; an older one of this name is never overwritten."""
        path = folder / f"{self.session}{SUFFIX}"
        folder.mkdir(parents=True, exist_ok=True)
        values = {
            "schema": 1,
            "session": self.session,
            "planned_s": self.planned_s,
            "parts": [
                {
                    "name": part.name,
                    "devices": [dict(device) for device in part.devices],
                    "offset": part.offset.to_json(),
                    "started_us": part.started_us,
                    "figures": dict(part.figures),
                    "lost": part.lost,
                    "folder": part.folder,
                }
                for part in self.parts
            ],
        }
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(values, file, indent=1)
        except FileExistsError:
            raise HostError(f"{path} exists; give the take another name") from None
        return path


def read_take(path: Path) -> HostsTake:
    """A take's description. Raises HostError when the file is not one."""
    try:
        values = json_of(path.read_text("utf-8"))
        planned_s = values.get("planned_s")
        return HostsTake(
            session=values["session"],
            planned_s=None if planned_s is None else float(planned_s),
            parts=tuple(
                HostPart(
                    name=checked_name(part["name"], str(path)),
                    devices=tuple(part["devices"]),
                    offset=HostOffset.of_json(part["offset"]),
                    started_us=float(part["started_us"]),
                    figures=part["figures"],
                    lost=part["lost"],
                    folder=part["folder"],
                )
                for part in values["parts"]
            ),
        )
    except FileNotFoundError:
        raise HostError(f"{path} is missing; it was written where humanrig host record ran, beside the parts") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HostError(f"{path} does not describe a take ({type(error).__name__}: {error}); restore it") from None
