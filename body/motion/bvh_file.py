"""Parse BVH files (Biovision hierarchy): a tree of joints with offsets, and one line of channels for each frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from body.errors import BodyError

_POSITION: Final = ("Xposition", "Yposition", "Zposition")
_ROTATION: Final = ("Xrotation", "Yrotation", "Zrotation")


@dataclass(frozen=True, kw_only=True, slots=True)
class BvhJoint:
    """One node of the tree; an end site is a node without channels, named after its parent."""

    name: str
    parent: int
    """-1 for the root."""
    offset: tuple[float, float, float]
    """From the parent in the zero pose, in the file's unit and axes."""
    channels: tuple[str, ...]
    first_channel: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BvhFile:
    """A parsed file, still in its own unit and axes."""

    joints: tuple[BvhJoint, ...]
    channels: Float[np.ndarray, "frames channels"]
    """Degrees and lengths, as in the file."""
    frame_seconds: float

    def rest_positions(self) -> Float[np.ndarray, "joints 3"]:
        """Joint positions of the zero pose, the root at the origin."""
        positions = np.zeros((len(self.joints), 3))
        for index, joint in enumerate(self.joints):
            if joint.parent >= 0:
                positions[index] = positions[joint.parent] + joint.offset
        return positions

    def posed(self) -> tuple[list[Rotation], Float[np.ndarray, "frames joints 3"]]:
        """Rotation of each joint from the zero pose (all frames at once) and positions, in the file's axes and unit.

        The root's position channels replace its offset. Those of other joints are ignored: bones keep the length that
        their offsets say.
        """
        frames = len(self.channels)
        rotations: list[Rotation] = []
        positions = np.zeros((frames, len(self.joints), 3))
        for index, joint in enumerate(self.joints):
            local = self._local_rotation(joint, frames)
            if joint.parent < 0:
                positions[:, index] = self._root_positions(joint)
                rotations.append(local)
            else:
                parent = rotations[joint.parent]
                positions[:, index] = positions[:, joint.parent] + parent.apply(joint.offset)
                rotations.append(parent * local)
        return rotations, positions

    def _local_rotation(self, joint: BvhJoint, frames: int) -> Rotation:
        columns = [(name[0], joint.first_channel + k) for k, name in enumerate(joint.channels) if name in _ROTATION]
        if not columns:
            return Rotation.identity(frames)
        order = "".join(axis for axis, _ in columns)  # upper case: each about the axes that the previous one turned
        return Rotation.from_euler(order, self.channels[:, [column for _, column in columns]], degrees=True)

    def _root_positions(self, joint: BvhJoint) -> np.ndarray:
        positions = np.tile(np.asarray(joint.offset, np.float64), (len(self.channels), 1))
        for k, name in enumerate(joint.channels):
            if name in _POSITION:
                positions[:, _POSITION.index(name)] = self.channels[:, joint.first_channel + k]
        return positions


def parse_bvh(path: Path | str) -> BvhFile:
    """The tree and the channels of one file. Raises BodyError naming the line where the file stops being BVH."""
    path = Path(path)
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise BodyError(f"BVH file {path} cannot be read: {error.strerror}; check the path") from error
    words = ((number, line.split()) for number, line in enumerate(lines, 1) if line.strip())
    try:
        joints = _hierarchy(words)
        return _motion(words, joints)
    except (StopIteration, RuntimeError):
        raise BodyError(f"BVH file {path} ends before its motion does; obtain the file again") from None
    except _BadLineError as error:
        raise BodyError(f"BVH file {path}, line {error.number}: {error}; obtain the file again") from None


class _BadLineError(Exception):
    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


_Words = Iterator[tuple[int, list[str]]]


def _hierarchy(words: _Words) -> tuple[BvhJoint, ...]:
    number, first = next(words)
    if [word.upper() for word in first] != ["HIERARCHY"]:
        raise _BadLineError(number, f"expected HIERARCHY, found {' '.join(first)[:40]!r}")
    joints: list[BvhJoint] = []
    stack: list[int] = []
    channel = 0
    for number, line in words:
        key = line[0].upper()
        if key in ("ROOT", "JOINT", "END"):
            parent = stack[-1] if stack else -1
            if (key == "ROOT") != (parent < 0):
                raise _BadLineError(number, f"{key} in the wrong place")
            if key != "END" and len(line) < 2:
                raise _BadLineError(number, f"{key} without a name")
            name = " ".join(line[1:]) if key != "END" else f"{joints[parent].name} end"
            offset, names = _node(words, end=key == "END")
            stack.append(len(joints))
            joints.append(BvhJoint(name=name, parent=parent, offset=offset, channels=names, first_channel=channel))
            channel += len(names)
        elif key == "}":
            if not stack:
                raise _BadLineError(number, "a closing brace too many")
            stack.pop()
        elif key == "MOTION":
            if stack or not joints:
                raise _BadLineError(number, "MOTION before the tree is complete")
            return tuple(joints)
        else:
            raise _BadLineError(number, f"unknown word {line[0]!r} in the tree")
    raise StopIteration


def _node(words: _Words, end: bool) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    """Offset and channels after the name; an end site has no channels."""
    number, line = next(words)
    if line != ["{"]:
        raise _BadLineError(number, "expected {")
    number, line = next(words)
    if line[0].upper() != "OFFSET" or len(line) != 4:
        raise _BadLineError(number, "expected OFFSET x y z")
    x, y, z = _floats(number, line[1:])
    if end:
        return (x, y, z), ()
    number, line = next(words)
    names = tuple(line[2:])
    if line[0].upper() != "CHANNELS" or len(line) < 2 or line[1] != str(len(names)):
        raise _BadLineError(number, "expected CHANNELS, their number and their names")
    unknown = [name for name in names if name not in _POSITION + _ROTATION]
    if unknown:
        raise _BadLineError(number, f"unknown channel {unknown[0]!r}")
    return (x, y, z), names


def _motion(words: _Words, joints: tuple[BvhJoint, ...]) -> BvhFile:
    number, line = next(words)
    if line[0].upper() != "FRAMES:" or len(line) != 2 or not line[1].isdigit() or int(line[1]) < 1:
        raise _BadLineError(number, "expected Frames: and their number")
    frames = int(line[1])
    number, line = next(words)
    if [word.upper() for word in line[:2]] != ["FRAME", "TIME:"] or len(line) != 3:
        raise _BadLineError(number, "expected Frame Time: and seconds")
    (seconds,) = _floats(number, line[2:])
    if not seconds > 0:
        raise _BadLineError(number, f"frame time {seconds} s, expected more than 0")
    width = sum(len(joint.channels) for joint in joints)
    rows = []
    for _ in range(frames):
        number, line = next(words)
        if len(line) != width:
            raise _BadLineError(number, f"{len(line)} channels, the tree has {width}")
        rows.append(_floats(number, line))
    return BvhFile(joints=joints, channels=np.array(rows), frame_seconds=seconds)


def _floats(number: int, words: list[str]) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise _BadLineError(number, f"expected numbers, found {' '.join(words)[:40]!r}") from None
    if not np.isfinite(values).all():
        raise _BadLineError(number, "a number is not finite")
    return values
