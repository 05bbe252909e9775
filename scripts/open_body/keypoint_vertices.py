"""Named vertices on the skin: face, feet and fingertips, under the names that the smplx package uses."""

from __future__ import annotations

import anny
import numpy as np
import torch
from jaxtyping import Float

from open_body.anny_source import AnnySource
from open_body.skin_surface import Surface

_COCO_NAMES = {
    "nose": "nose", "right_eye": "reye", "left_eye": "leye", "right_ear": "rear", "left_ear": "lear",
    "left_big_toe": "LBigToe", "left_small_toe": "LSmallToe", "left_heel": "LHeel",
    "right_big_toe": "RBigToe", "right_small_toe": "RSmallToe", "right_heel": "RHeel",
}  # fmt: skip
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_LEFT_RIGHT = {"l": "r", "L": "R"}


def keypoint_vertices(source: AnnySource, surface: Surface, rest: Float[np.ndarray, "vertices 3"]) -> dict[str, int]:
    """Vertex of each name; the right side mirrors the left. `rest` is the body in the T-pose."""
    assert surface.mirror is not None
    found = _face_and_feet(source, surface) | _fingertips(source, surface, rest)
    for name in [n for n in found if n[0] in _LEFT_RIGHT]:
        found[_LEFT_RIGHT[name[0]] + name[1:]] = int(surface.mirror[found[name]])
    return dict(sorted(found.items()))


def _face_and_feet(source: AnnySource, surface: Surface) -> dict[str, int]:
    """Nearest vertices to Anny's COCO keypoints, which need the eyes that the source leaves out."""
    full = anny.Anny(topology="anny").to(dtype=torch.float32)
    regressor = anny.KeypointsRegressor.coco(full)
    adult = {"age": torch.tensor([0.67])}
    skin = surface.mix @ source.rest(adult).skins[0]
    with torch.no_grad():
        tensors = full.get_tensor_inputs(None, adult, None, None)[1:]
        rest = full.get_rest_model(full._get_phenotype_blendshape_coefficients(*tensors))["rest_vertices"][0]
    points = regressor.regression_weights.numpy() @ rest.numpy()
    points = np.stack([points[:, 0], points[:, 2], -points[:, 1]], 1)
    found = {}
    for coco, name in _COCO_NAMES.items():
        if name[0] not in _LEFT_RIGHT.values():
            found[name] = int(np.linalg.norm(skin - points[regressor.labels.index(coco)], axis=1).argmin())
    return found


def _fingertips(source: AnnySource, surface: Surface, rest: Float[np.ndarray, "vertices 3"]) -> dict[str, int]:
    """The farthest vertex that moves with the last bone of each finger of the left hand."""
    weights = surface.mix @ source.bone_weights
    found = {}
    for number, finger in enumerate(_FINGERS, 1):
        tip = np.flatnonzero(weights[:, source.labels.index(f"finger{number}-3.L")] > 0.7)
        reach = rest[tip, 0] + (rest[tip, 2] if finger == "thumb" else 0)
        found["l" + finger] = int(tip[np.argmax(reach)])
    return found
