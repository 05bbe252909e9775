"""Each person's keypoints and points, picture by picture: what the estimator of pictures with depth is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64

from hps.rgb.from_detector import keypoint_batch
from hps.rgbd.cutting import person_points
from hps.rgbd.view import RgbdView
from humanrig.errors import HumanrigError
from humanrig.estimating.rgb.estimating import SeenPeople, see_people
from humanrig.estimating.rgbd.footage import RgbdFootage
from registration.keypoints.detector import Detector
from registration.masks.color_masks import color_people_from_detections

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PersonViews:
    """One person through some footage."""

    rows: Int64[np.ndarray, "views"]
    """Rows of the footage, rising."""
    views: list[RgbdView]
    """In the frame of each picture's colour camera."""
    Ts_frame_camera: Float[np.ndarray, "views 4 4"]
    """From there to the frame in which the footage tells its bodies."""


def people_in(rgbd: RgbdFootage, detector: Detector, most: int | None, progress: Progress) -> list[PersonViews]:
    """Everybody in the footage, or the one person under the user's mask, whom the picture need not show.

    Raises HumanrigError where nobody was seen.
    """
    if rgbd.mask is None:
        return views_of(rgbd, see_people(rgbd.footage, detector, most, progress), progress)
    try:
        seen = see_people(rgbd.footage, detector, None, progress)
    except HumanrigError:
        seen = None
    return [view_of_mask(rgbd, seen)]


def views_of(rgbd: RgbdFootage, seen: SeenPeople, progress: Progress) -> list[PersonViews]:
    """Of everybody whom the detector saw: keypoints, and the depth under the detector's own mask of the person.

    Where people overlap, the larger in the picture is taken to be in front.
    """
    slots = [dict(zip(one.rows.tolist(), one.slots.tolist())) for one in seen.people]
    views: list[list[RgbdView]] = [[] for _ in seen.people]
    rows: list[list[int]] = [[] for _ in seen.people]
    places: list[list[np.ndarray]] = [[] for _ in seen.people]
    found = seen.detections
    for row, image in enumerate(rgbd.footage.pictures()):
        here = {number: own[row] for number, own in enumerate(slots) if row in own}
        if not here:
            continue
        masks = {n: (found.mask(row, slot), 1 / float(found.pixel_size[row, slot])) for n, slot in here.items()}
        whose = color_people_from_detections(masks, image)
        for number, slot in here.items():
            view, T = _view(rgbd, row, whose == number, seen, slot)
            views[number].append(view)
            rows[number].append(row)
            places[number].append(T)
        progress("points", row + 1, len(rgbd.footage))
    return [
        PersonViews(rows=np.array(own, np.int64), views=views[n], Ts_frame_camera=np.stack(places[n]))
        for n, own in enumerate(rows)
    ]


def view_of_mask(rgbd: RgbdFootage, seen: SeenPeople | None) -> PersonViews:
    """Of the one person under the user's mask: the detection that has most keypoints in it, or none at all."""
    assert rgbd.mask is not None
    slot = None
    if seen is not None:
        q = np.nan_to_num(seen.detections.q[0], nan=-1.0).round().astype(np.int64)
        height, width = rgbd.mask.shape
        inside = (q >= 0).all(-1) & (q < [width, height]).all(-1)
        at = np.where(inside[..., None], q, 0)
        share = (inside & rgbd.mask[at[..., 1], at[..., 0]]).mean(1)
        slot = int(share.argmax()) if share.max() > 0.5 else None
    view, T = _view(rgbd, 0, rgbd.mask, seen, slot)
    return PersonViews(rows=np.zeros(1, np.int64), views=[view], Ts_frame_camera=T[None])


def _view(
    rgbd: RgbdFootage, row: int, mask: Bool[np.ndarray, "height width"], seen: SeenPeople | None, slot: int | None
) -> tuple[RgbdView, Float[np.ndarray, "4 4"]]:
    beside = rgbd.depth(row)
    camera = beside.color_camera
    keypoints = None
    if seen is not None and slot is not None:
        found = seen.detections
        keypoints = keypoint_batch(
            camera,
            found.q[row, slot][None],
            found.visibility[row, slot][None],
            found.pixel_size[row, slot][None].astype(np.float64),
            seen.names,
            focal_known=True,
        )
    cloud = person_points(
        np.asarray(beside.depth_m),
        beside.depth_camera,
        camera,
        np.asarray(mask),
        confidence=beside.confidence,
        up=rgbd.up(camera),
    )
    return RgbdView(cloud=cloud, keypoints=keypoints), camera.T_world_camera
