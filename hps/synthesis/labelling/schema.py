"""The columns of the labels' table, with the meaning, unit and shape of each beside it in the file."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from body.joints import JOINT_COUNT, JOINT_NAMES
from registration.annotations.keypoints2d import COCO17

F32, F64, I32, U8, TEXT, FLAG = pa.float32(), pa.float64(), pa.int32(), pa.uint8(), pa.string(), pa.bool_()


def column(name: str, kind: pa.DataType, what: str, shape: tuple[int, ...] = ()) -> pa.Field:
    """One column. Arrays are lists of a fixed length, row by row; their shape is in the column's metadata."""
    metadata = {"about": what}
    if shape:
        count = 1
        for side in shape:
            count *= side
        kind = pa.list_(kind, count)
        metadata["shape"] = ",".join(str(side) for side in shape)
    return pa.field(name, kind, metadata=metadata)


def _key() -> list[pa.Field]:
    return [
        column("key", TEXT, "of the sample: SCENE_FFF_cCC"),
        column("split", TEXT, "train, validation or test"),
        column("scene", TEXT, "of the scene tables"),
        column("frame", I32, "instant within the scene, from 0"),
        column("camera", I32, "number within the scene; -1: the world frame stands for the camera's"),
    ]


def _person() -> list[pa.Field]:
    return [
        column("actor", I32, "number within the scene"),
        column("person", TEXT, "of the table of people"),
        column("subject", TEXT, "name in the bank of bodies; empty: a body of the model"),
        column("sex", TEXT, "female, male or empty"),
        column("age_years", F32, "years"),
        column("height_m", F32, "standing, sole to crown"),
        column("mass_kg", F32, "of the skin's volume"),
        column("wardrobe", TEXT, "kind of clothes; empty: drawn by sex"),
        column("motion", TEXT, "source clips, joined by +"),
        column("exact", FLAG, "the parameters describe the body exactly; else they are the nearest within the model"),
        column("label_gap_mm", F32, "root mean square distance of the parameters' vertices from the true naked body's"),
        column("betas", pa.list_(F32), "shape; as many as the body model has"),
        column("child", F32, "position on the child axis beside the betas"),
        column("body_pose", F32, "axis-angle of joints 1 to 23, rad", (JOINT_COUNT - 1, 3)),
        column("global_orient_world", F32, "axis-angle of the pelvis, world, rad", (3,)),
        column("transl_world", F32, "SMPL's translation, world, m", (3,)),
        column("joints_world", F32, "of the true naked body, world, m", (JOINT_COUNT, 3)),
        column("coco_world", F32, "COCO's keypoints on the true naked body, world, m", (len(COCO17), 3)),
    ]


def _camera() -> list[pa.Field]:
    return [
        column("global_orient_camera", F32, "axis-angle of the pelvis, camera frame, rad", (3,)),
        column("transl_camera", F32, "SMPL's translation, camera frame, m", (3,)),
        column("joints_camera", F32, "camera frame, m", (JOINT_COUNT, 3)),
        column("coco_camera", F32, "camera frame, m", (len(COCO17), 3)),
        column("T_world_camera", F64, "p_world = T_world_camera p_camera; OpenCV axes, m", (4, 4)),
    ]


def _picture() -> list[pa.Field]:
    return [
        column("width", I32, "pixels"),
        column("height", I32, "pixels"),
        column("K", F64, "intrinsics, pixels; the centre of the top-left pixel is (0, 0)", (3, 3)),
        column("joints_2d", F32, "pixels, also beyond the frame; NaN behind the camera", (JOINT_COUNT, 2)),
        column("joints_visible", U8, "0 outside the frame, 1 hidden, 2 visible", (JOINT_COUNT,)),
        column("coco_2d", F32, "pixels, also beyond the frame; NaN behind the camera", (len(COCO17), 2)),
        column("coco_visible", U8, "0 outside the frame, 1 hidden, 2 visible", (len(COCO17),)),
        column("box_visible", I32, "x, y, width, height of the visible pixels; zeros where there are none", (4,)),
        column("box_whole", F32, "x, y, width, height of the dressed person as if alone, also beyond the frame", (4,)),
        column("pixels_visible", I32, "pixels of the mask"),
        column("pixels_alone", I32, "pixels in the frame, had the person been alone"),
        column("pixels_whole", I32, "pixels in and beyond the frame, had the person been alone"),
        column("occluded", F32, "share of pixels_alone that others or things hide; NaN where there are none"),
        column("truncated", F32, "share of pixels_whole beyond the frame; 1 where the person is not in the picture"),
    ]


KEY_FIELDS: Final = tuple(_key())
PERSON_FIELDS: Final = tuple(_person())
"""Who it is, and the body in the world."""
CAMERA_FIELDS: Final = tuple(_camera())
"""The body in a camera's frame."""
PICTURE_FIELDS: Final = tuple(_picture())
"""The person in a picture."""
ACTOR_FLAGS_FIELD: Final = column("actor_flags", pa.list_(TEXT), "what is wrong with the actor in this scene")
FLAG_FIELDS: Final = (
    ACTOR_FLAGS_FIELD,
    column("picture_flags", pa.list_(TEXT), "what is wrong with the person in this picture"),
)

NAMES: Final = {"joints": ",".join(JOINT_NAMES), "coco": ",".join(COCO17)}
"""Metadata of a table with these columns: names of the keypoints, in their order."""

LABELS_SCHEMA: Final = pa.schema([*KEY_FIELDS, *PERSON_FIELDS, *CAMERA_FIELDS, *PICTURE_FIELDS, *FLAG_FIELDS], NAMES)
"""One row for each person and picture."""
