"""Read the climbing and parkour takes of holosoma-retargeting (Amazon, Apache-2.0): positions of 53 joints at 120 Hz.

A take is one .npy of shape (frames, 53, 3), z up, metres, floor at z = 0. The person climbs on boxes of 0.2 to 1 m that
the take does not hold. Joint order: MOCAP_DEMO_JOINTS of the package's config_types/data_type.py.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.errors import BodyError
from body.joints import JOINT_COUNT, JOINT_INDEX, JOINT_NAMES, PARENTS
from body.loading import OPEN_BODY, read_body_model
from body.motion.clip import MotionClip, local_rotations
from body.motion.retarget import hip_middle, leg_length
from geometry.npz_files import DAMAGED, read_npy

_FINGERS: Final = tuple(f"{finger}{i}" for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky") for i in (1, 2, 3))
_ARM: Final = ("Shoulder", "Arm", "ForeArm", "Hand", *(f"Hand{finger}" for finger in _FINGERS))
_LEG: Final = ("UpLeg", "Leg", "Foot", "ToeBase")
SOURCE_JOINTS: Final[tuple[str, ...]] = (
    *("Hips", "Spine", "Spine1", "Neck", "Head"),
    *(f"Left{name}" for name in _ARM),
    *(f"Right{name}" for name in _ARM),
    *(f"Left{name}" for name in _LEG),
    *(f"Right{name}" for name in _LEG),
    *("LeftFootMod", "RightFootMod"),
)
RATE_HZ: Final = 120.0
IK_VERSION: Final = 1
"""Counts changes of the retargeting, so that kept results of an older one are not used."""
EVERY: Final = 4
"""Frames are taken at 30 Hz, as the package itself does."""
_LIMBS: Final = {
    "UpLeg": "hip", "Leg": "knee", "Foot": "ankle", "ToeBase": "foot",
    "Arm": "shoulder", "ForeArm": "elbow", "Hand": "wrist", "HandMiddle1": "hand",
}  # fmt: skip
_MIDDLE: Final[dict[str, tuple[dict[str, float], float]]] = {
    "Hips": ({"left_hip": 0.5, "right_hip": 0.5}, 0.5),
    "Spine1": ({"spine2": 0.65, "spine3": 0.35}, 0.2),
    "Neck": ({"neck": 1.0}, 0.5),
    "Head": ({"head": 1.0}, 0.3),
}
"""Points of the trunk on the body's joints, and their weight: the source's spine is another one."""
FLOOR_FRAMES: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "climb_0": ((0, 60), (639, 701)),
    "climb_1": ((473, 606),),
    "climb_2": ((0, 59), (554, 753)),
    "climb_3": ((0, 57), (524, 601)),
    "climb_4": ((0, 197),),
}
"""Frames at 30 Hz in which the person is on the floor: the higher ankle below 0.30 m or the lower below 0.15 m for at
least a second, half a second away from the boxes. They walk, crouch and, in climb_4, go down on hands and feet."""


def read_climb(path: Path | str, name: str | None = None) -> MotionClip:
    """One take as a clip at 30 Hz, at its true heights (floor at y = 0), by position inverse kinematics.

    Twist of the forearms comes from the knuckles; the head looks where the neck points. Takes about 5 s: keep the
    result. `description` has the error of the joints. Raises BodyError for a missing file or one of another shape.
    """
    from body.motion.position_ik import PositionTargets, fit_positions  # torch is loaded only where it is needed

    path = Path(path)
    positions = _positions(path)[::EVERY]
    point = dict(zip(SOURCE_JOINTS, np.moveaxis(positions, 1, 0)))
    rest = _skeleton(point)
    on_joints, weights, wanted = [], [], []
    for source, (mean, weight) in {**_MIDDLE, **_limb_points()}.items():
        row = np.zeros(JOINT_COUNT)
        for joint, part in mean.items():
            row[JOINT_INDEX[joint]] = part
        on_joints.append(row)
        weights.append(weight)
        wanted.append(point[source])
    sides = ("Left", "Right")
    lateral = [_unit(point[f"{side}HandIndex1"] - point[f"{side}HandPinky1"]) for side in sides]
    fit = fit_positions(
        PositionTargets(
            points=np.stack(wanted, 1),
            on_joints=np.array(on_joints),
            weights=np.array(weights),
            directions=np.stack(lateral, 1),
            direction_joints=(JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]),
            direction_axes=np.tile([0.0, 0.0, 1.0], (2, 1)),
        ),
        rest,
        _start(point, rest),
    )
    limbs = fit.error_m[:, np.array(weights) == 1]
    return MotionClip(
        name=name or path.stem,
        rate_hz=RATE_HZ / EVERY,
        rotations=fit.rotations,
        root_positions=fit.root_positions,
        leg_length_m=leg_length(rest),
        root_to_hips=hip_middle(rest) - rest[0],
        licence="Apache-2.0 (holosoma-retargeting)",
        description={
            "joint_error_mm": {
                "mean": round(float(limbs.mean() * 1e3), 2),
                "p95": round(float(np.percentile(limbs, 95) * 1e3), 2),
            }
        },
    )


def _limb_points() -> dict[str, tuple[dict[str, float], float]]:
    return {
        f"{side}{source}": ({f"{side.lower()}_{joint}": 1.0}, 1.0)
        for side in ("Left", "Right")
        for source, joint in _LIMBS.items()
    }


def _skeleton(point: dict[str, np.ndarray]) -> Float[np.ndarray, "24 3"]:
    """The open body's rest joints with the take's bone lengths where the take has that bone."""
    rest = read_body_model(OPEN_BODY).rest_joints()
    bones = np.array([rest[j] - rest[p] if p >= 0 else rest[j] for j, p in enumerate(PARENTS)])

    def length(a: str, b: str) -> float:
        return float(np.median(np.linalg.norm(point[a] - point[b], axis=-1)))

    for side in ("Left", "Right"):
        names = [f"{side}{name}" for name in _LIMBS]
        for parent, child in (*itertools.pairwise(names[:4]), *itertools.pairwise(names[4:])):
            joint = JOINT_INDEX[f"{side.lower()}_{_LIMBS[child.removeprefix(side)]}"]
            bones[joint] *= length(parent, child) / np.linalg.norm(bones[joint])
    hips, left_hip, right_hip = JOINT_INDEX["pelvis"], JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]
    wide = length("LeftUpLeg", "RightUpLeg") / np.linalg.norm(rest[left_hip] - rest[right_hip])
    bones[[left_hip, right_hip], 0] *= wide
    broad = length("LeftArm", "RightArm") / np.linalg.norm(rest[16] - rest[17])
    bones[[13, 14, 16, 17], 0] *= broad
    trunk = [JOINT_INDEX[n] for n in ("spine1", "spine2", "spine3", "neck")]
    upright = sum(bones[trunk]) - (bones[left_hip] + bones[right_hip]) / 2
    bones[trunk] *= length("Hips", "Neck") / np.linalg.norm(upright)
    scaled = np.zeros((JOINT_COUNT, 3))
    for joint, parent in enumerate(PARENTS):
        scaled[joint] = bones[joint] + (scaled[parent] if joint != hips else 0)
    return scaled


def _start(point: dict[str, np.ndarray], rest: np.ndarray) -> Float[np.ndarray, "frames 24 3"]:
    """Rotations in closed form: bones aim where the take's do, knees and elbows bend in the planes of their limbs."""
    left = _unit(point["LeftUpLeg"] - point["RightUpLeg"])
    pelvis = _frame(x=left, y=point["Spine1"] - point["Hips"])
    chest = _frame(y=point["Neck"] - point["Spine1"], x=point["LeftArm"] - point["RightArm"], first="y")
    head = _frame(y=point["Head"] - point["Neck"], x=point["LeftArm"] - point["RightArm"], first="y")
    bend = (pelvis.inv() * chest).as_rotvec()
    world: dict[str, Rotation] = {name: chest for name in ("spine3", "left_collar", "right_collar")}
    world |= {"pelvis": pelvis, "neck": head, "head": head}
    world |= {f"spine{i}": pelvis * Rotation.from_rotvec(bend * i / 3) for i in (1, 2)}
    for side, sense in (("Left", 1.0), ("Right", -1.0)):
        low = side.lower()
        hip, knee, ankle, toe = (point[f"{side}{name}"] for name in _LEG)
        thigh, shin, foot = _unit(knee - hip), _unit(ankle - knee), _unit(toe - ankle)
        hinge = np.cross(thigh, shin) + 0.3 * np.cross(-shin, foot)
        world[f"{low}_hip"] = _frame(y=-thigh, x=hinge, first="y")
        world[f"{low}_knee"] = _frame(y=-shin, x=hinge, first="y")
        straight = world[f"{low}_knee"].apply(
            _unit(rest[JOINT_INDEX[f"{low}_foot"]] - rest[JOINT_INDEX[f"{low}_ankle"]])
        )
        world[f"{low}_ankle"] = world[f"{low}_foot"] = _shortest(straight, foot) * world[f"{low}_knee"]
        shoulder, elbow, wrist, knuckle = (point[f"{side}{name}"] for name in ("Arm", "ForeArm", "Hand", "HandMiddle1"))
        upper, fore, hand = (sense * _unit(d) for d in (elbow - shoulder, wrist - elbow, knuckle - wrist))
        lateral = point[f"{side}HandIndex1"] - point[f"{side}HandPinky1"]
        palm = _unit(np.cross(lateral, hand))
        hinge = sense * np.cross(fore, upper) + 0.3 * palm
        world[f"{low}_shoulder"] = _frame(x=upper, y=hinge)
        world[f"{low}_elbow"] = _frame(x=fore, y=_unit(hinge) + palm)
        world[f"{low}_wrist"] = world[f"{low}_hand"] = _frame(x=hand, y=palm)
    return local_rotations([world[name] for name in JOINT_NAMES])


def _frame(*, x: np.ndarray, y: np.ndarray, first: str = "x") -> Rotation:
    """Axes with x along `x` and y near `y`, or the other way round."""
    if first == "x":
        x = _unit(x)
        z = _unit(np.cross(x, y))
        y = np.cross(z, x)
    else:
        y = _unit(y)
        z = _unit(np.cross(x, y))
        x = np.cross(y, z)
    return Rotation.from_matrix(np.stack([x, y, z], -1))


def _shortest(a: np.ndarray, b: np.ndarray) -> Rotation:
    """The shortest turn from unit vectors a to b."""
    axis = np.cross(a, b)
    angle = np.arctan2(np.linalg.norm(axis, axis=-1), (a * b).sum(-1))
    return Rotation.from_rotvec(_unit(axis) * angle[:, None])


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def _positions(path: Path) -> Float[np.ndarray, "frames 53 3"]:
    try:
        values = read_npy(path)
    except FileNotFoundError:
        raise BodyError(f"climbing take {path} does not exist; check the path") from None
    except DAMAGED as error:
        raise BodyError(f"climbing take {path} is not a whole .npy file ({error}); obtain it again") from error
    shape = getattr(values, "shape", ())
    if len(shape) != 3 or shape[1:] != (len(SOURCE_JOINTS), 3) or not shape[0] or values.dtype.kind != "f":
        raise BodyError(f"{path} has shape {shape}, expected (frames, {len(SOURCE_JOINTS)}, 3) positions")
    if not np.isfinite(values).all():
        raise BodyError(f"climbing take {path} holds NaN or infinity; obtain it again")
    return values.astype(np.float64)[..., [0, 2, 1]] * [1.0, 1.0, -1.0]
