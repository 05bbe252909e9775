"""Times pyrender with EGL on a scene of rendering_peers: needs pyrender alone, in any Python."""

import json
import sys
import time
from importlib import import_module

import numpy as np

if not hasattr(np, "infty"):
    np.inf = np.inf  # type: ignore[attr-defined]  # pyrender 0.1.45 is older than numpy 2

pyrender, trimesh, pillow = (import_module(name) for name in ("pyrender", "trimesh", "PIL.Image"))

scene = np.load(sys.argv[1])
look = trimesh.visual.TextureVisuals(uv=scene["uv"], image=pillow.fromarray(scene["texture"]))
mesh = trimesh.Trimesh(scene["vertices"], scene["faces"], visual=look, process=False)
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


def milliseconds(kind: str) -> float:
    """Mean over the cameras after one warm-up round; the mesh stays on the device."""
    width, height = (int(side) for side in scene[f"{kind}_size"])
    world = pyrender.Scene(ambient_light=[0.3, 0.3, 0.3])
    world.add(pyrender.Mesh.from_trimesh(mesh))
    world.add(pyrender.DirectionalLight(intensity=3.0))
    renderer = pyrender.OffscreenRenderer(width, height)
    flags = pyrender.RenderFlags.NONE if kind == "color" else pyrender.RenderFlags.DEPTH_ONLY
    rounds = []
    for _ in range(3):
        start = time.perf_counter()
        for K, T in zip(scene[f"{kind}_K"], scene[f"{kind}_T_camera_world"]):
            camera = pyrender.IntrinsicsCamera(K[0, 0], K[1, 1], K[0, 2], K[1, 2], znear=0.1, zfar=10)
            node = world.add(camera, pose=np.linalg.inv(T) @ FLIP)
            drawn = renderer.render(world, flags)
            depth = drawn[1] if kind == "color" else drawn
            assert depth.max() > 0, "nothing drawn"
            world.remove_node(node)
        rounds.append((time.perf_counter() - start) / len(scene[f"{kind}_K"]))
    renderer.delete()
    return 1000 * min(rounds)


print(json.dumps({"version": "0.1.45", "depth_ms": milliseconds("depth"), "color_ms": milliseconds("color")}))
