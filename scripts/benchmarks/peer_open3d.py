"""Times Open3D's OffscreenRenderer on a scene of rendering_peers; aborts where there is no Vulkan driver."""

import json
import sys
import time
from importlib import import_module

import numpy as np

o3d = import_module("open3d")
rendering = import_module("open3d.visualization.rendering")

scene = np.load(sys.argv[1])
mesh = o3d.geometry.TriangleMesh(
    o3d.utility.Vector3dVector(scene["vertices"].astype(float)), o3d.utility.Vector3iVector(scene["faces"])
)
mesh.triangle_uvs = o3d.utility.Vector2dVector(scene["uv"][scene["faces"].ravel()].astype(float))
mesh.compute_vertex_normals()
material = rendering.MaterialRecord()
material.shader = "defaultLit"
material.albedo_img = o3d.geometry.Image(np.ascontiguousarray(scene["texture"]))


def milliseconds(kind: str) -> float:
    """Mean over the cameras after one warm-up round; the mesh stays on the device."""
    width, height = (int(side) for side in scene[f"{kind}_size"])
    renderer = rendering.OffscreenRenderer(width, height)
    renderer.scene.add_geometry("person", mesh, material)
    rounds = []
    for _ in range(2):
        start = time.perf_counter()
        for K, T in zip(scene[f"{kind}_K"][:4], scene[f"{kind}_T_camera_world"][:4]):
            renderer.setup_camera(K, T, width, height)
            image = np.asarray(
                renderer.render_to_image() if kind == "color" else renderer.render_to_depth_image(z_in_view_space=True)
            )
            assert image.min() < 0.9 * min(image.max(), 255), "nothing drawn"
        rounds.append((time.perf_counter() - start) / len(scene[f"{kind}_K"][:4]))
    return 1000 * min(rounds)


print(json.dumps({"version": o3d.__version__, "depth_ms": milliseconds("depth"), "color_ms": milliseconds("color")}))
