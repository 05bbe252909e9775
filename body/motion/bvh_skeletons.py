"""Which joint of a BVH skeleton is which of SMPL's, for the naming schemes in wide use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class JointSource:
    """Where one SMPL joint comes from."""

    starts: str
    """BVH joint at the place of the SMPL joint."""
    turns: str
    """BVH joint with its orientation: the last one, where several follow each other along one bone."""


def _sides(template: dict[str, tuple[str, str]], left: str, right: str) -> dict[str, JointSource]:
    return {
        f"{side}_{joint}": JointSource(starts=a.replace("*", mark), turns=b.replace("*", mark))
        for side, mark in (("left", left), ("right", right))
        for joint, (a, b) in template.items()
    }


def _same(**joints: str) -> dict[str, JointSource]:
    return {joint: JointSource(starts=name, turns=name) for joint, name in joints.items()}


_HUMANOID_LIMBS: Final = {
    "hip": ("*UpLeg", "*UpLeg"),
    "knee": ("*Leg", "*Leg"),
    "ankle": ("*Foot", "*Foot"),
    "foot": ("*ToeBase", "*ToeBase"),
    "collar": ("*Shoulder", "*Shoulder"),
    "shoulder": ("*Arm", "*Arm"),
    "elbow": ("*ForeArm", "*ForeArm"),
    "wrist": ("*Hand", "*Hand"),
}
_MAKEHUMAN_LIMBS: Final = {
    "hip": ("upperleg01.*", "upperleg02.*"),
    "knee": ("lowerleg01.*", "lowerleg02.*"),
    "ankle": ("foot.*", "foot.*"),
    "foot": ("toe2-1.*", "toe2-1.*"),
    "collar": ("clavicle.*", "shoulder01.*"),
    "shoulder": ("upperarm01.*", "upperarm02.*"),
    "elbow": ("lowerarm01.*", "lowerarm02.*"),
    "wrist": ("wrist.*", "wrist.*"),
    "hand": ("finger3-1.*", "finger3-1.*"),
}

SKELETONS: Final[dict[str, dict[str, JointSource]]] = {
    "CMU": _same(pelvis="Hips", spine1="LowerBack", spine2="Spine", spine3="Spine1", neck="Neck", head="Head")
    | _sides(_HUMANOID_LIMBS, "Left", "Right"),
    "Mixamo": _same(pelvis="Hips", spine1="Spine", spine2="Spine1", spine3="Spine2", neck="Neck", head="Head")
    | _sides(_HUMANOID_LIMBS | {"hand": ("*HandMiddle1", "*HandMiddle1")}, "Left", "Right"),
    "MakeHuman": _same(pelvis="root", spine1="spine03", spine2="spine02", spine3="spine01", head="head")
    | {"neck": JointSource(starts="neck01", turns="neck02")}
    | _sides(_MAKEHUMAN_LIMBS, "L", "R"),
}
"""By scheme and SMPL joint. A scheme's joint may lack in a file where `OPTIONAL` allows it."""

OPTIONAL: Final = frozenset(
    {"spine1", "spine2", "spine3", "neck", "left_collar", "right_collar", "left_foot", "right_foot"}
    | {"left_hand", "right_hand"}
)
"""SMPL joints that follow their parent when a file lacks them."""


def plain_name(name: str) -> str:
    """A joint's name without its namespace (`mixamorig:Hips`), in lower case."""
    return name.rsplit(":", 1)[-1].strip().lower()
