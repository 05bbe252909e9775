"""`humanrig estimate`: bodies from one point cloud, from a picture or a video, or from a picture with depth."""

from __future__ import annotations

from humanrig.commands.estimate_points import points
from humanrig.commands.estimate_rgb import rgb
from humanrig.commands.estimate_rgbd import rgbd
from humanrig.commands.group import group

estimate = group(
    """Find bodies in a point cloud, in a photograph or in a video, and say how sure they are: humanrig estimate points
    CLOUD.ply --out body.npz

    From points: humanrig estimate points CLOUD.ply --out body.npz (docs/estimate_points.md).
    From pictures: humanrig estimate rgb PHOTO.jpg --out body.npz --overlay seen.png (docs/estimate_rgb.md).
    From both: humanrig estimate rgbd COLOR.jpg DEPTH.png --K 600 600 320 240 --out body.npz (docs/estimate_rgbd.md).

    Exit code 0: bodies to use; 1: none, with the reason.""",
    {"points": points, "rgb": rgb, "rgbd": rgbd},
)
