"""What the tests of visibility are worth: single instants painted with some of them switched off, and by Open3D.

All paint the same surface in the same layout from the same pictures; where none may paint, colours are carried in from
the surroundings alike. Judged by the pictures of the cameras that painted nothing, and by the texels that got another
part's colour (`body_parts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from geometry.camera import Camera
from geometry.mesh import TriangleMesh
from humanrig.pipeline import load_stage
from texture.painting.config import PaintConfig
from texture.painting.views import ColorView
from texture.polish.camera_polish import CameraPolish, polish_cameras
from texture_trials.body_parts import PaintedPerson, WrongParts, counted, flat, strongest, turns
from texture_trials.cases import Case
from texture_trials.kept import Measured, measured, number, table
from texture_trials.rerender import drawn, score
from texture_trials.single_instant import TESTS, SingleInstant, views_of
from texture_trials.surfaces import with_surface
from texture_trials.takes import Take

PEER, POLISHED = "Open3D", "all, polished cameras"
POLISH_INSTANTS = 6
FIRST: Final = turns()[0]
SETTINGS: Final = ("true surface, true cameras", "own surface, true cameras", "own surface, own calibration")


def measure_tests(
    case: Case, folder: Path, work: Path, setting: str, instants: int = 3, size: int = 2048, *, peer: bool = True,
    again: bool = False,
) -> Measured:  # fmt: skip
    """Pictures and wrong parts of a case in a setting, with each choice of tests."""
    from humanrig.cli import expected_errors

    try:
        take, mesh = with_surface(case, folder, work, "tracked")
    except expected_errors() as error:
        return Measured(
            kind="tests", case=case.name, row=case.row, variant=setting, key="", error=str(error), figures={}
        )
    key = f"{mesh.digest} {load_stage('texture').version} {instants} {size} {peer} filled"
    who = (case.name, case.row)
    return measured(
        work, "tests", who, setting, key, lambda: _figures(take, setting, instants, size, peer), again=again
    )


def _figures(take: Take, setting: str, instants: int, size: int, peer: bool) -> dict[str, Any]:
    scores: dict[str, list[dict[str, Any]]] = {}
    parts: dict[str, list[WrongParts]] = {}
    moved = polished(take) if setting == SETTINGS[-1] else None
    for instant in take.instants(instants):
        surface, cameras = set_up(take, setting, instant)
        judging = cameras or take.session.cameras()
        one = SingleInstant(surface, views_of(take, instant, cameras), size)
        textures = {name: one.texture(config) for name, config in TESTS.items()}
        if peer:
            textures[PEER] = one.albedo()
        if moved is not None:
            textures[POLISHED] = SingleInstant(surface, views_of(take, instant, moved.cameras), size).texture()
        for stream in take.judges:
            picture, mask = take.picture(stream, instant), take.filled_mask(stream, instant)
            for name, texture in textures.items():
                found = score(drawn(surface, texture, judging[stream]), picture, mask)
                scores.setdefault(name, []).append(asdict(found))
        painter = PartsPainter(take, instant, surface, one.views, size)
        for name, config in TESTS.items():
            parts.setdefault(name, []).append(painter.counted(config))
    return {
        name: {
            **{key: float(np.mean([s[key] for s in some])) for key in ("psnr_db", "ssim", "flip")},
            **_together(parts.get(name, [])),
        }
        for name, some in scores.items()
    }


def set_up(take: Take, setting: str, instant: int) -> tuple[TriangleMesh, dict[str, Camera] | None]:
    """The surface of a setting and its cameras, None for the calibrated ones."""
    surface = take.true_surface(instant) if setting.startswith("true surface") else take.results.surface(instant)
    return surface, None if setting.endswith("own calibration") else take.true_cameras


def polished(take: Take) -> CameraPolish:
    """The painting cameras after a polish on the take's own surfaces."""
    return polish_cameras([(take.results.surface(i), views_of(take, i)) for i in take.instants(POLISH_INSTANTS)])


class PartsPainter:
    """One instant whose person wears a flat colour on each part of the body. Lives as long as it is worked on."""

    def __init__(self, take: Take, instant: int, surface: TriangleMesh, views: Sequence[ColorView], size: int) -> None:
        """`views` are those that paint; their pictures are replaced by what the true cameras would see."""
        self.surface, self.views, self.size = surface, views, size
        self.person = PaintedPerson.of(take, instant)
        self.pictures = self.person.images({name: take.true_cameras[name] for name in take.painters})
        self._instants: dict[range, SingleInstant] = {}
        self._own: np.ndarray | None = None

    def painted(self, config: PaintConfig) -> np.ndarray:
        """The part that gave most of each texel's colour; -1 where unseen."""
        seen = self._one(FIRST).blend(config).weight > 0
        return strongest(lambda turn: self._one(turn).blend(config).colors, seen)

    def wrong(self, painted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which texels are wrong, and of which part each really is."""
        texels = self._one(FIRST).texels
        if self._own is None:
            self._own = self.person.own_parts(texels.positions, texels.normals)
        return self.person.wrong(texels.positions, texels.normals, painted, self._own), self._own

    def counted(self, config: PaintConfig) -> WrongParts:
        """How many texels are wrong."""
        painted = self.painted(config)
        wrong, own = self.wrong(painted)
        return counted(wrong, own, painted)

    def _one(self, turn: range) -> SingleInstant:
        if turn not in self._instants:
            views = [replace(view, image=flat(self.pictures[view.camera.name], turn)) for view in self.views]
            self._instants[turn] = SingleInstant(self.surface, views, self.size)
            for other in self._instants.values():  # the layout is the same
                self._instants[turn].__dict__.setdefault("atlas", other.atlas)
        return self._instants[turn]


def _together(parts: list[WrongParts]) -> dict[str, Any]:
    if not parts:
        return {}
    most = max((p.worst for p in parts), key=lambda worst: worst[2])
    painted, wrong = sum(p.painted for p in parts), sum(p.wrong for p in parts)
    return {
        "wrong": wrong / max(painted, 1),
        "room": sum(p.room for p in parts) / max(painted, 1),
        "mistaken": f"{most[0]} as {most[1]}: {most[2]}" if most[2] else "–",
    }


def tests_table(found: list[Measured]) -> str:
    """One line for each case, setting and choice of tests."""
    head = ("take", "setting", "tests", "PSNR dB", "over no test", "SSIM", "FLIP", "wrong part", "of them the room's",
            "most mistaken, texels")  # fmt: skip
    lines = []
    for m in found:
        if m.error is not None:
            lines.append((m.case, m.variant, m.error, *[""] * 7))
        for name, f in m.figures.items():
            more = f["psnr_db"] - m.figures["no test"]["psnr_db"]
            lines.append((
                m.case, m.variant, name, number(f["psnr_db"]), f"{more:+.2f}", number(f["ssim"], 4),
                number(f["flip"], 4), _share(f.get("wrong")), _share(f.get("room")), f.get("mistaken", "–"),
            ))  # fmt: skip
    return table(head, lines)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3%}"
