"""From people and cameras to what a lifter is given: exact keypoints, and the truth in the camera's frame."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.lifting_batch import LiftingBatch
from hps.rgb.simulation.bodies import PosedPeople, SplitBodies
from hps.rgb.simulation.views import Views, inside, project

CROP_PX, CROP_MARGIN = 256, 1.25
"""BlazePose's network sees a square of so many pixels, about the person's box and a quarter (its region's rule)."""


def photograph(
    people: PosedPeople, views: Views, bodies: SplitBodies, *, wandering: bool = False, who: Tensor | None = None
) -> LiftingBatch:
    """The people as exact keypoints.

    wandering: keypoints lie where the detector would mean them on each person, not where it means them on average.
    Keypoints outside the picture have confidence 0 and are put into the middle of the others, all others have 1.
    `who`: places of the people in `bodies`, where they are known already.
    """
    R, root = views.R_camera_world, views.p_pelvis
    p = (people.wandering if wandering else people.keypoints) @ R.transpose(1, 2) + root[:, None]
    landmarks = people.landmarks @ R.transpose(1, 2) + root[:, None]
    rotations = torch.cat([R[:, None] @ people.rotations[:, :1], people.rotations[:, 1:]], 1)
    if who is None:
        who = torch.searchsorted(bodies.subject, people.subject)
    betas, child = bodies.labels
    q = project(p, views.K)
    seen = inside(q, views.size)
    return LiftingBatch(
        keypoints=KeypointBatch(
            q=hidden_to_middle(q, seen),
            confidence=seen.float(),
            pixel_size=pixel_size(q, seen),
            K=views.K,
            size=views.size,
            focal_known=torch.ones(len(q), dtype=torch.bool),
        ),
        landmarks=landmarks,
        rotations=rotations,
        betas=betas[who],
        child=child[who],
        transl=root - bodies.rest_pelvis[who],
        subject=people.subject,
        motion=people.motion,
    )


def pixel_size(q: Float[Tensor, "people keypoints 2"], seen: Tensor) -> Float[Tensor, "people"]:
    """Pixels of the image to one of the detector's crop about the keypoints that are in the picture."""
    low = q.masked_fill(~seen[..., None], torch.inf).amin(1)
    high = q.masked_fill(~seen[..., None], -torch.inf).amax(1)
    side = (high - low).amax(-1).nan_to_num(neginf=0.0)
    return (CROP_MARGIN * side / CROP_PX).clamp_min(1e-3)


def hidden_to_middle(q: Float[Tensor, "people keypoints 2"], seen: Tensor) -> Float[Tensor, "people keypoints 2"]:
    """Pixels in which what is not seen says nothing: it lies in the mean of what is."""
    share = seen[..., None].to(q)
    middle = (q * share).sum(1, keepdim=True) / share.sum(1, keepdim=True).clamp_min(1)
    return torch.where(seen[..., None], q, middle)
