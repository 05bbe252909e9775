"""From the fused cloud of one instant to its textured mesh, against the usual composition in the same run.

Usage: python scripts/benchmarks/benchmark_texture.py SESSION... [--instant 2] [--size 2048] [--repeats 3]

Each SESSION has clouds and bodies. Times are CPU seconds of one core, the least of the repeats (the peer runs once).
The composition: Open3D's Poisson at depth 9, its largest piece, simplified to 20,000 faces, xatlas, and Open3D's
`project_images_to_albedo` on pictures without lens distortion (whose removal is counted, and their reading is not).
Ours counts the reading of pictures, depth and masks. Pictures of the devices left out (--hold-out) judge both: PSNR
inside the person's mask and the mesh, texels that nobody saw filled alike, one gain per channel.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TypeVar  # noqa: E402

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (1, 2)]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from texture_trials.rerender import drawn, score  # noqa: E402
from texture_trials.single_instant import BLACK, peer_albedo  # noqa: E402
from usual_poisson import usual_poisson  # noqa: E402

from capture.session import Session  # noqa: E402
from geometry.cloud import PointCloud  # noqa: E402
from geometry.mesh import TriangleMesh  # noqa: E402
from humanrig.meshing.depth_views import DepthImages  # noqa: E402
from humanrig.results import Results  # noqa: E402
from humanrig.texturing.color_views import ColorViews  # noqa: E402
from texture.blending.inpainting import fill_holes  # noqa: E402
from texture.layout.atlas import Atlas  # noqa: E402
from texture.layout.unwrapping import unwrapped  # noqa: E402
from texture.painting.painting import paint  # noqa: E402
from texture.painting.views import ColorView  # noqa: E402
from texture.surfaces.free import FreeConfig, free_surface  # noqa: E402

FACES = 20_000
HELD_OUT = ("kinect_003", "kinect_008")
Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """One instant, read."""

    cloud: PointCloud
    body: TriangleMesh
    depths: DepthImages
    colors: ColorViews
    instant: int
    used: Sequence[str]
    judges: Sequence[str]


@dataclass(eq=False)
class Textured:
    """What a way made, and how long its parts took."""

    seconds: dict[str, float] = field(default_factory=dict)
    mesh: TriangleMesh | None = None
    texture: np.ndarray | None = None
    seen: float = 0.0

    def part(self, name: str, work: Callable[[], Made]) -> Made:
        """Runs a part and counts its CPU time."""
        start = time.process_time()
        made = work()
        self.seconds[name] = time.process_time() - start
        return made


def main() -> None:
    """Prints a Markdown table for each session."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sessions", type=Path, nargs="+")
    parser.add_argument("--instant", type=int, default=2)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--hold-out", nargs="*", default=HELD_OUT, help="devices that judge and do not paint")
    parser.add_argument("--no-peer", action="store_true", help="leave out the composition, half a minute each")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for folder in arguments.sessions:
        work = _read(Session.open(folder), arguments.instant, arguments.hold_out)
        made = [_ours(work, arguments.size) for _ in range(1 + arguments.repeats)]  # the first compiles
        ours = made[-1]
        ours.seconds = {part: min(one.seconds[part] for one in made) for part in ours.seconds}
        ways = {"humanrig": ours}
        if not arguments.no_peer:
            ways["composition"] = _peer(work, arguments.size)
        _print(folder.name, work, ways)


def _read(session: Session, instant: int, hold_out: Sequence[str]) -> Work:
    results, colors = Results(session), ColorViews(session)
    cloud = results.cloud(instant)
    if cloud is None:
        raise SystemExit(f"{session.folder} has no cloud at instant {instant}; choose another with --instant")
    row = results.instants.index(instant)
    posed = results.model.pose(results.parameters[np.array([row])]).vertices[0]
    judges = [stream for stream in colors.streams if stream.split("/")[0] in hold_out]
    return Work(
        cloud=cloud,
        body=TriangleMesh(vertices=posed, faces=results.model.faces),
        depths=DepthImages(session),
        colors=colors,
        instant=instant,
        used=[stream for stream in colors.streams if stream not in judges],
        judges=judges,
    )


def _ours(work: Work, size: int) -> Textured:
    made = Textured()
    depths = made.part("depth images read", lambda: work.depths.at(work.instant))
    config = FreeConfig(faces=FACES)
    bare = made.part("surface", lambda: free_surface(work.cloud, work.body, config, depths).mesh)
    mesh = made.part("texture coordinates", lambda: unwrapped(bare))
    atlas = made.part("atlas", lambda: Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, size))
    views = made.part("pictures, depth and masks read", lambda: work.colors.views(work.instant, work.used))
    blend = made.part("painting", lambda: paint(mesh, atlas, views))
    seen = blend.weight > 0
    texture = made.part("filling", lambda: _filled(atlas, blend.colors, seen))
    made.mesh, made.texture, made.seen = mesh, texture, float(seen.mean())
    return made


def _peer(work: Work, size: int) -> Textured:
    made = Textured()
    views = work.colors.views(work.instant, work.used)
    bare = made.part("surface", lambda: usual_poisson(work.cloud, FACES))
    mesh = made.part("texture coordinates", lambda: unwrapped(bare, "xatlas"))
    pictures = made.part("pictures without distortion", lambda: [_pinhole(view) for view in views])
    albedo = made.part("painting", lambda: peer_albedo(mesh, views, size, pictures)())
    atlas = Atlas.of(mesh.faces, mesh.uv, mesh.uv_faces, size)
    colors = albedo.reshape(-1, 3)[atlas.flat].astype(np.float32)
    seen = colors.max(-1) >= BLACK
    texture = made.part("filling", lambda: _filled(atlas, colors, seen))
    made.mesh, made.texture, made.seen = mesh, texture, float(seen.mean())
    return made


def _pinhole(view: ColorView) -> np.ndarray:
    K = np.asarray(view.camera.K, np.float64)
    return cv2.undistort(view.image, K, np.asarray(view.camera.distortion, np.float64), None, K)


def _filled(atlas: Atlas, colors: np.ndarray, seen: np.ndarray) -> np.ndarray:
    filled = fill_holes(atlas.image(colors, 0.0), atlas.image(seen, False))
    return np.clip(np.rint(filled), 0, 255).astype(np.uint8)


def _print(name: str, work: Work, ways: dict[str, Textured]) -> None:
    print(f"\n{name}, instant {work.instant}, {len(work.used)} colour cameras paint, {len(work.judges)} judge\n")
    print(f"| CPU seconds | {' | '.join(ways)} |")
    print(f"|---|{'---|' * len(ways)}")
    for part in dict.fromkeys(part for way in ways.values() for part in way.seconds):
        cells = [f"{way.seconds[part]:.2f}" if part in way.seconds else "" for way in ways.values()]
        print(f"| {part} | {' | '.join(cells)} |")
    totals = {way: sum(made.seconds.values()) for way, made in ways.items()}
    own = totals["humanrig"]
    print(f"| all | {' | '.join(f'{total:.2f}' for total in totals.values())} |")
    print(f"| against ours | {' | '.join(f'{total / own:.1f}' for total in totals.values())} |")
    print(f"| texels seen | {' | '.join(f'{100 * made.seen:.1f} %' for made in ways.values())} |")
    print(f"| held-out PSNR dB | {' | '.join(_psnr(work, made) for made in ways.values())} |", flush=True)


def _psnr(work: Work, made: Textured) -> str:
    """Mean over the devices that judge."""
    assert made.mesh is not None
    assert made.texture is not None
    found = []
    for view in work.colors.views(work.instant, work.judges):
        mask = np.ones(view.image.shape[:2], bool) if view.mask is None else view.mask
        found.append(score(drawn(made.mesh, made.texture, view.camera), view.image, mask).psnr_db)
    return f"{np.mean(found):.2f}" if found else "–"


if __name__ == "__main__":
    main()
