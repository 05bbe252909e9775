"""A detector from any ONNX pose model: of one person in a box that BlazePose's person network finds, or of all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from registration.errors import RegistrationError
from registration.keypoints.blazepose_person import PersonNetwork
from registration.keypoints.blazepose_region import MARGIN, Region
from registration.keypoints.detector import Person2D
from registration.keypoints.onnx_decoding import Read, from_boxes, from_heatmaps, from_people, from_simcc
from registration.keypoints.onnx_description import PoseModel, describe, description_path, read_description
from registration.keypoints.onnx_network import OnnxNetwork
from registration.keypoints.person_box import PersonBox
from registration.keypoints.sets import TRUNK, KeypointSet

CODE = 1
"""Raised when a change of code changes what is found."""
SURE = 0.3
"""Keypoints below this confidence do not widen the box in which a person is looked for again."""
SAME_PERSON = 0.1
"""Two people whose keypoints differ by less than this fraction of their height are one."""
MAX_PEOPLE = 6
FOLLOW = 0.3
"""A person found in the whole image is who was there before when the keypoints moved less than this of the height."""


@dataclass
class OnnxPose:
    """Keypoints by a model in an ONNX file."""

    path: Path
    person_network: Path | None = None
    """pose_detection.tflite, which finds the boxes; not needed for a model that finds people itself."""
    keypoints: KeypointSet = field(init=False)

    def __post_init__(self) -> None:
        """Raises RegistrationError when a file is missing, cannot be run or is not understood."""
        self.path = Path(self.path)
        self._network = OnnxNetwork(self.path)
        self._description = read_description(description_path(self.path))
        self.model: PoseModel = describe(
            str(self.path), self._network.header, self._network.input_size, self._description
        )
        self.keypoints = self.model.keypoints
        self._trunk = [self.keypoints.index(name) for name in TRUNK]
        self._people: PersonNetwork | None = None
        if self._in_boxes:
            if self.person_network is None:
                raise RegistrationError(f"detector {self.path} sees one person in a box; say which network finds boxes")
            self._people = PersonNetwork(self.person_network)

    @property
    def fingerprint(self) -> str:
        """Of the weights, the description and the code."""
        sha = hashlib.sha256(f"{CODE} {self.model}".encode())
        sha.update(self.path.read_bytes())
        if self._people is not None:
            sha.update(self._people.fingerprint)
        return f"onnx-{sha.hexdigest()[:16]}"

    def detect(
        self, image: UInt8[np.ndarray, "height width 3"], previous: Sequence[Person2D] = (), search: bool = True
    ) -> list[Person2D]:
        """The people of an RGB image, best first; see `Detector.detect`."""
        if not self._in_boxes:
            return self._in_whole_image(image, previous)
        assert self._people is not None
        found: list[Person2D] = []
        for person in previous:
            again = self._in_box(image, person.follow, person.track)
            if again is not None:
                _keep(again, found)
        if search or len(found) < len(previous) or not found:
            for region, _ in self._people.find(image, 0.5, True):
                if all(_overlap(region, person.follow) < 0.6 for person in found):
                    rough = self._in_box(image, _upright(region, self.model), -1)
                    fine = None if rough is None else self._in_box(image, rough.follow, -1)
                    if fine is not None:
                        _keep(fine, found)
        found.sort(key=lambda person: -person.score * person.pixel_size)
        return found[:MAX_PEOPLE]

    @property
    def _in_boxes(self) -> bool:
        return self.model.output in ("heatmaps", "simcc")

    def _in_box(self, image: UInt8[np.ndarray, "height width 3"], box: PersonBox, track: int) -> Person2D | None:
        """The person in a box; None where the model sees nobody."""
        model = self.model
        outputs = self._network.run(self._prepared(box.crop(image, model.width, model.height)))
        maps = list(outputs.values())
        if model.output == "heatmaps":
            read = from_heatmaps(maps[-1], model.width, model.height, model.udp)
        else:
            read = from_simcc(maps[0], maps[1], model.width, model.height)
        score = float(read.confidence[self._trunk].mean())
        if score < model.min_score:
            return None
        q = box.pixels(read.u, model.width, model.height)
        sure = read.confidence >= SURE
        seen = q[sure] if sure.sum() >= 4 else q
        return Person2D(
            q=q,
            visibility=read.confidence,
            score=score,
            pixel_size=float(box.size[1]) / 256,
            track=track,
            follow=PersonBox.around(seen, model.padding, model.width, model.height),
        )

    def _in_whole_image(
        self, image: UInt8[np.ndarray, "height width 3"], previous: Sequence[Person2D]
    ) -> list[Person2D]:
        model = self.model
        height, width = image.shape[:2]
        scale = min(model.width / width, model.height / height)
        canvas = np.full((model.height, model.width, 3), 114, np.uint8)
        small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        canvas[: small.shape[0], : small.shape[1]] = small
        outputs = list(self._network.run(self._prepared(canvas)).values())
        found = []
        for read in self._people_of(outputs):
            q = read.u / scale - 0.5
            found.append(
                Person2D(
                    q=q,
                    visibility=read.confidence,
                    score=read.score,
                    pixel_size=float(np.ptp(q, axis=0).max()) * model.padding / 256,
                    follow=PersonBox.around(q, model.padding, model.width, model.height),
                )
            )
        return _numbered(found[:MAX_PEOPLE], previous)

    def _people_of(self, outputs: list[np.ndarray]) -> list[Read]:
        if self.model.output == "people":
            boxes, points = sorted(outputs, key=lambda out: out.ndim)
            return from_people(boxes, points, self.model.min_score)
        (rows,) = outputs
        numbers = 5 + 3 * len(self.keypoints)
        return from_boxes(rows if rows.shape[1] == numbers else rows.T, self.model.min_score)

    def _prepared(self, image: UInt8[np.ndarray, "height width 3"]) -> Float32[np.ndarray, "3 height width"]:
        channels = image if self.model.color == "rgb" else image[..., ::-1]
        x = (channels.astype(np.float32) - np.array(self.model.mean, np.float32)) / np.array(self.model.std, np.float32)
        return np.moveaxis(x, -1, 0)


def _upright(region: Region, model: PoseModel) -> PersonBox:
    """The box of a person whom BlazePose's person network found in a turned square."""
    side = region.side / MARGIN * model.padding
    return PersonBox.holding(region.center + 0.5, np.array([side / 2, side]), model.width, model.height)


def _overlap(region: Region, box: PersonBox) -> float:
    """How much of the smaller of both lies in the other, along the axis where this is least."""
    half = (np.full(2, region.side) + box.size) / 2
    reach = half - np.abs(region.center + 0.5 - box.center)
    return float((np.clip(reach, 0, None) / np.minimum(region.side, box.size)).min())


def _keep(person: Person2D, found: list[Person2D]) -> None:
    """Adds a person who is not yet there."""
    height = np.ptp(person.q, axis=0).max()
    if not any(np.median(np.linalg.norm(person.q - other.q, axis=-1)) < SAME_PERSON * height for other in found):
        found.append(person)


def _numbered(found: list[Person2D], previous: Sequence[Person2D]) -> list[Person2D]:
    """The people with the track of whoever was in the same place in the image before."""
    taken: set[int] = set()
    out = []
    for person in found:
        distances = [
            (float(np.median(np.linalg.norm(person.q - other.q, axis=-1))), other.track)
            for other in previous if other.track not in taken
        ]  # fmt: skip
        near, track = min(distances, default=(np.inf, -1))
        if near < FOLLOW * np.ptp(person.q, axis=0).max():
            taken.add(track)
            person = replace(person, track=track)
        out.append(person)
    return out
