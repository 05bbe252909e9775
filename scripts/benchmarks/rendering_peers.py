"""Other renderers on the same mesh, cameras and image sizes, each in a Python of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.rendering_subject import MovingFigure
from capture.virtual.config import SimulationConfig
from capture.virtual.rig import build_rig

LIMIT_S = 150


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What another renderer needs for a frame, or why it cannot run."""

    name: str
    version: str = ""
    depth_ms: float = 0.0
    color_ms: float = 0.0
    reason: str = ""


def write_scene(path: Path, config: SimulationConfig, moving: MovingFigure, frame: int = 5) -> None:
    """Mesh, texture and pinhole cameras as arrays."""
    vertices, uv, faces = moving.unrolled(frame)
    devices = build_rig(config)
    np.savez(
        path,
        allow_pickle=False,
        vertices=vertices,
        uv=uv,
        faces=faces,
        texture=moving.figure.texture,
        **{
            f"{kind}_{part}": np.stack([getattr(getattr(device, kind), part) for device in devices])
            for kind in ("depth", "color")
            for part in ("K", "T_camera_world")
        },
        depth_size=[devices[0].depth.width, devices[0].depth.height],
        color_size=[devices[0].color.width, devices[0].color.height],
    )


def run_peers(scene: Path, pyrender_python: str) -> tuple[Peer, ...]:
    """Open3D in this Python, pyrender in the given one; a crash of either is its reason not to run."""
    return _run("open3d", sys.executable, scene), _run("pyrender", pyrender_python, scene)


def _run(name: str, python: str, scene: Path) -> Peer:
    script = Path(__file__).with_name(f"peer_{name}.py")
    environment = {**os.environ, "PYOPENGL_PLATFORM": "egl"}
    try:
        done = subprocess.run(
            [python, str(script), str(scene)], capture_output=True, text=True, timeout=LIMIT_S, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Peer(name=name, reason=str(error))
    for line in done.stdout.splitlines():
        if line.startswith('{"version"'):
            return Peer(name=name, **json.loads(line))
    said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    return Peer(name=name, reason=f"exit {done.returncode}: {said[-1] if said else 'no output'}")
