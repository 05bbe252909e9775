"""USD: the skinned, textured body for engines and phones, and every surface as a mesh cache for film programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from humanrig.export.baked import BakedClip
from humanrig.export.glb import can_skin, skinned_person
from humanrig.export.surface_pictures import SurfacePictures
from humanrig.results import Results
from texture.files.time_codes import TimeCodes
from texture.files.usd_cache import write_usd_cache
from texture.files.usd_skin import pack_usdz, write_usd_skin


def write(results: Results, folder: Path, on_progress: Callable[[int, int], None]) -> list[str]:
    """Writes personNN.usdc, .jpg, .usdz and personNN_surfaces.usdc with its textures; returns lines for source.txt."""
    on_progress(0, 2)
    if can_skin(results):
        skinned = skinned_person(results)
        path = folder / f"{results.person}.usdc"
        codes = write_usd_skin(path, skinned.clip)
        pack_usdz(path)
        lines = [
            f"{path.name}, and the same with its texture packed as {results.person}.usdz: UsdSkel; "
            f"joints under SMPL's names, rest pose = the body's T-pose; {_rate(codes)}",
            *skinned.about(SurfacePictures(results)),
        ]
    else:
        lines = ["the surfaces do not follow the body: no skinned file"]
    on_progress(1, 2)
    clip = BakedClip.of(results)
    path = folder / f"{results.person}_surfaces.usdc"
    codes = write_usd_cache(path, clip.segments(), clip.times_s())
    on_progress(2, 2)
    return [
        "metres (metersPerUnit 1), upAxis Y; /person/world turns the session's z-up world: (x, y, z) to (x, z, -y)",
        *lines,
        f"{path.name}: every surface as it is, {len(codes.codes)} frames, {len(clip.numbers)} meshes; {_rate(codes)}",
        *clip.pictures.about(clip.bare),
    ]


def _rate(codes: TimeCodes) -> str:
    kind = "whole frames" if codes.even else "uneven times between whole frames"
    return f"{codes.rate_hz:g} time codes a second, {kind}, the first at 0"
