"""Pictures of cameras that no texture knew, drawn again from a session's textures: the stages mesh and texture judged.

Each variant is a copy of the take. `true cameras` moves the surfaces nowhere: the true cameras are brought into the
session's world. `reference` is the true surface with the true cameras through the same stage: what is left to win.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import simplejpeg
from jaxtyping import UInt8

from calibration.rig import device_of
from geometry.camera import Camera
from texture.files.texture_files import instant_texture, segment_texture
from texture_trials.altered import disturbed, replaced_mesh, stops_of, with_cameras, with_exposures
from texture_trials.cases import HELD_OUT, Case
from texture_trials.kept import Measured, measured, number, table
from texture_trials.rerender import drawn, score
from texture_trials.stage_runs import StageRun, run_stage
from texture_trials.surfaces import with_surface
from texture_trials.takes import Take, copied, opened

SEED = 3
"""Of the disturbance of the cameras."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """What is altered before the stage texture, and its options."""

    surface: str = "tracked"
    cameras: str = "own"
    """own, true, or disturbed: true ones turned and moved."""
    true_surface: bool = False
    exposures: bool = False
    options: Mapping[str, Any]


VARIANTS: Final[dict[str, Variant]] = {
    "reference": Variant(cameras="true", true_surface=True, options={"polish": False}),
    "true cameras": Variant(cameras="true", options={"polish": False}),
    "own calibration": Variant(options={}),
    "free, own calibration": Variant(surface="free tsdf", options={}),
    "own, not polished": Variant(options={"polish": False}),
    "disturbed": Variant(cameras="disturbed", options={"polish": False}),
    "disturbed, polished": Variant(cameras="disturbed", options={"polish": True}),
    "exposures": Variant(exposures=True, options={}),
}


@dataclass(frozen=True, eq=False)
class Textured:
    """A copy of a take whose stage texture ran."""

    take: Take
    """The copy."""
    base: Take
    """With its own cameras, by which the truth is brought into its world."""
    variant: Variant
    mesh: StageRun
    texture: StageRun

    @property
    def judging(self) -> dict[str, Camera]:
        """The cameras in whose pictures the textures are judged: as the variant knows them, but never disturbed."""
        known = self.take.session.cameras() if self.variant.cameras == "own" else self.base.true_cameras
        return {stream: known[stream] for stream in self.take.judges}

    def sequence_texture(self, instant: int) -> UInt8[np.ndarray, "size size 3"]:
        """The texture of an instant's segment."""
        number = self.take.results.meshes.number_of(instant)
        return _read(segment_texture(self.take.session.path("texture"), self.take.results.person, number))

    def instant_texture(self, instant: int) -> UInt8[np.ndarray, "size size 3"]:
        """The instant's own texture; the segment's where it has none."""
        path = instant_texture(self.take.session.path("texture"), self.take.results.person, instant)
        return _read(path) if path.is_file() else self.sequence_texture(instant)


def textured(case: Case, folder: Path, work: Path, name: str, size: int = 2048, *, again: bool = False) -> Textured:
    """The case in a variant, with the stage texture run without the judges."""
    variant = VARIANTS[name]
    base, mesh = with_surface(case, folder, work, variant.surface)
    take = opened(case, copied(case, folder, work, name.replace(" ", "_").replace(",", "")))
    _same_mesh(base, take, variant)
    if variant.cameras != "own":
        true = base.true_cameras
        painting = {n: c for n, c in true.items() if device_of(n) not in HELD_OUT}
        moved = disturbed(painting, np.random.default_rng(SEED)) if variant.cameras == "disturbed" else {}
        with_cameras(take.session, {**true, **moved})
    if variant.true_surface:
        replaced_mesh(base, take.session)
    if variant.exposures:
        with_exposures(take.session, stops_of(take.painters))
    take = opened(case, take.session.folder)
    options = {"size": size, "workers": 1, **variant.options}
    ran = run_stage(take.session, "texture", options, frozenset(HELD_OUT), again=again)
    return Textured(take, base, variant, mesh, ran)


def measure_again(
    case: Case, folder: Path, work: Path, name: str, instants: int = 4, size: int = 2048, *, again: bool = False
) -> Measured:
    """How near the pictures drawn again are to the recorded ones."""
    from humanrig.cli import expected_errors

    try:
        found = textured(case, folder, work, name, size, again=again)
    except expected_errors() as error:
        return Measured(
            kind="pictures", case=case.name, row=case.row, variant=name, key="", error=str(error), figures={}
        )
    key = f"{found.mesh.digest} {found.texture.digest} {instants} filled"
    kept = measured(
        work, "pictures", (case.name, case.row), name, key, lambda: _figures(found, instants), again=again
    )  # fmt: skip
    times = {"mesh_cpu_s": found.mesh.cpu_s_per_instant, "texture_cpu_s": found.texture.cpu_s_per_instant}
    return replace(kept, figures={**kept.figures, **times}) if kept.error is None else kept


def _figures(found: Textured, instants: int) -> dict[str, Any]:
    scores: dict[str, list[dict[str, Any]]] = {"instant": [], "sequence": []}
    has = set(found.take.results.meshes.instants.tolist())
    for instant in (i for i in found.take.instants(instants) if i in has):
        surface = found.take.results.surface(instant)
        textures = {"instant": found.instant_texture(instant), "sequence": found.sequence_texture(instant)}
        for stream, camera in found.judging.items():
            picture, mask = found.take.picture(stream, instant), found.take.filled_mask(stream, instant)
            for kind, texture in textures.items():
                scores[kind].append(asdict(score(drawn(surface, texture, camera), picture, mask)))
    names = ("psnr_db", "ssim", "flip", "overlap")
    return {
        **{kind: {name: float(np.mean([s[name] for s in some])) for name in names} for kind, some in scores.items()},
        "pictures": len(scores["instant"]),
        "texture": found.texture.figures,
    }


def _same_mesh(base: Take, take: Take, variant: Variant) -> None:
    """The copy gets the surfaces of the base, unless it has them or others were put in their place."""
    source, target = base.session.path("mesh"), take.session.path("mesh")
    if variant.true_surface and target.exists():
        return
    manifests = [path / "manifest.json" for path in (source, target)]
    if manifests[1].is_file() and manifests[0].read_bytes() == manifests[1].read_bytes():
        return
    shutil.rmtree(target, ignore_errors=True)
    partial = target.with_name(".mesh.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    partial.rename(target)


def _read(path: Path) -> UInt8[np.ndarray, "size size 3"]:
    return simplejpeg.decode_jpeg(path.read_bytes())


def again_table(found: list[Measured]) -> str:
    """One line for each case and variant; what each loses against the reference of its take."""
    head = ("take", "variant", "PSNR dB", "to reference", "SSIM", "FLIP", "overlap", "sequence texture dB",
            "mesh s", "texture s")  # fmt: skip
    best = {m.case: m.figures["instant"]["psnr_db"] for m in found if m.variant == "reference" and m.error is None}
    lines = []
    for m in found:
        if m.error is not None:
            lines.append((m.case, m.variant, m.error, *[""] * 7))
            continue
        own = m.figures["instant"]
        lost = own["psnr_db"] - best[m.case] if m.case in best else None
        lines.append((
            m.case, m.variant, number(own["psnr_db"]), "–" if lost is None else f"{lost:+.2f}", number(own["ssim"], 4),
            number(own["flip"], 4), number(own["overlap"], 3), number(m.figures["sequence"]["psnr_db"]),
            number(m.figures["mesh_cpu_s"]), number(m.figures["texture_cpu_s"]),
        ))  # fmt: skip
    return table(head, lines)


def again_means(found: list[Measured]) -> str:
    """One line for each variant: means over the takes that have both it and the reference."""
    head = ("variant", "takes", "PSNR dB", "to reference", "worst take", "SSIM", "FLIP", "mesh s", "texture s",
            "failed")  # fmt: skip
    best = {m.case: m.figures["instant"]["psnr_db"] for m in found if m.variant == "reference" and m.error is None}
    lines = []
    for variant in dict.fromkeys(m.variant for m in found):
        some = [m for m in found if m.variant == variant and m.error is None]
        lost = [m.figures["instant"]["psnr_db"] - best[m.case] for m in some if m.case in best]
        mean = {name: _mean([m.figures["instant"][name] for m in some]) for name in ("psnr_db", "ssim", "flip")}
        lines.append((
            variant, str(len(some)), number(mean["psnr_db"]), "–" if not lost else f"{np.mean(lost):+.2f}",
            "–" if not lost else f"{min(lost):+.2f}", number(mean["ssim"], 4), number(mean["flip"], 4),
            *(number(_mean([m.figures[t] for m in some])) for t in ("mesh_cpu_s", "texture_cpu_s")),
            str(sum(m.variant == variant and m.error is not None for m in found)),
        ))  # fmt: skip
    return table(head, lines)


def _mean(values: list[float]) -> float | None:
    values = [value for value in values if np.isfinite(value)]
    return float(np.mean(values)) if values else None
