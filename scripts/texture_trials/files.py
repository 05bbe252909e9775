"""Files that others open, made of a take: the size of a skinned GLB of ten seconds, validators, and other readers.

The takes are shorter: the clip goes back and forth until it has 10 s. Its motion is then that of its few instants, so
that shapes beside the skeleton are fewer than those of ten real seconds; the texture is what weighs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from humanrig.export import usd
from humanrig.export.glb import skinned_person
from texture.files.gltf import write_glb
from texture.files.skinned_clip import SkinnedClip
from texture.files.usd_check import usd_problems
from texture_trials.cases import Case
from texture_trials.kept import Measured, measured, number, table
from texture_trials.pictures_again import Textured, textured

SECONDS, RATE_HZ = 10.0, 30.0
FOLDER = "files"
_REPOSITORY: Final = Path(__file__).resolve().parents[2]
VALIDATOR: Final = _REPOSITORY / "scripts" / "validate_gltf.mjs"


def measure_files(case: Case, folder: Path, work: Path, size: int = 2048, *, again: bool = False) -> Measured:
    """Sizes and what is wrong with the files of a case."""
    from humanrig.cli import expected_errors

    try:
        one = textured(case, folder, work, "own calibration", size)
    except expected_errors() as error:
        return Measured(kind="files", case=case.name, row=case.row, variant="", key="", error=str(error), figures={})
    key = f"{one.mesh.digest} {one.texture.digest}"
    target = work / FOLDER / case.name
    return measured(
        work, "files", (case.name, case.row), "own calibration", key, lambda: _figures(one, target), again=again
    )


def _figures(one: Textured, target: Path) -> dict[str, Any]:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    skinned = skinned_person(one.take.results)
    path = target / "ten_seconds.glb"
    clip = longer(skinned.clip, SECONDS, RATE_HZ)
    write_glb(path, clip)
    usd.write(one.take.results, target, lambda done, total: None)
    stages = sorted(p for p in target.iterdir() if p.suffix in (".usdc", ".usdz", ".usda"))
    return {
        "glb_mb": path.stat().st_size / 1e6,
        "texture_mb": len(clip.texture_jpeg or b"") / 1e6,
        "frames": len(clip.times_s),
        "shapes": 0 if clip.shapes is None else len(clip.shapes),
        "skin_mm": skinned.difference.mean_mm,
        "gltf": gltf_problems(path),
        "trimesh_faces": faces_in_trimesh(path),
        "open3d_faces": faces_in_open3d(path),
        "usd_mb": {p.name: p.stat().st_size / 1e6 for p in stages},
        "usd": {p.name: usd_problems(p) for p in stages},
    }


def longer(clip: SkinnedClip, seconds: float, rate_hz: float) -> SkinnedClip:
    """The clip walked back and forth at a rate until it is so long."""
    frames = round(seconds * rate_hz)
    there = np.arange(len(clip.times_s))
    cycle = np.concatenate([there, there[-2:0:-1]])
    rows = np.resize(cycle, frames)
    shapes = None if clip.shapes is None else replace(clip.shapes, weights=clip.shapes.weights[rows])
    return replace(clip, parameters=clip.parameters[rows], times_s=np.arange(frames) / rate_hz, shapes=shapes)


def gltf_problems(path: Path) -> str:
    """What Khronos' validator says of a GLB in its last line; says so where the validator is not there."""
    node = shutil.which("node")
    if node is None:
        return "node is not installed"
    places = {**os.environ}
    places.setdefault("HUMANRIG_GLTF_VALIDATOR", str(_REPOSITORY / "build" / "gltf"))
    ran = subprocess.run([node, str(VALIDATOR), str(path)], capture_output=True, text=True, env=places, check=False)
    if ran.returncode == 2:
        return "gltf-validator is not installed: make gltf-validator"
    counts = ran.stdout.strip().split("\n")[0].removeprefix(f"{path}: ")
    return "clean" if counts.startswith("0 errors, 0 warnings") else counts


def faces_in_trimesh(path: Path) -> int:
    """Triangles that trimesh finds."""
    import trimesh

    scene = trimesh.load(path)
    parts: Iterable[Any] = scene.geometry.values() if isinstance(scene, trimesh.Scene) else [scene]
    return sum(len(part.faces) for part in parts)


def faces_in_open3d(path: Path) -> int:
    """Triangles that Open3D finds."""
    from geometry.open3d_loading import load_open3d

    return len(load_open3d().io.read_triangle_mesh(str(path)).triangles)


def files_table(found: list[Measured]) -> str:
    """One line for each case."""
    head = ("take", "GLB of 10 s, MB", "of it texture", "shapes", "skin to surface mm", "glTF validator",
            "trimesh / Open3D faces", "USD files, MB", "USD validators")  # fmt: skip
    lines = []
    for m in found:
        if m.error is not None:
            lines.append((m.case, m.error, *[""] * 7))
            continue
        f = m.figures
        problems = sum(map(len, f["usd"].values()))
        lines.append((
            m.case, number(f["glb_mb"]), number(f["texture_mb"]), str(f["shapes"]), number(f["skin_mm"]), f["gltf"],
            f"{f['trimesh_faces']} / {f['open3d_faces']}",
            ", ".join(f"{name} {number(mb, 1)}" for name, mb in f["usd_mb"].items()),
            "clean" if not problems else f"{problems} messages",
        ))  # fmt: skip
    return table(head, lines)
