"""What must be known of a pose model beyond its ONNX file: read from a small file beside it, or recognised."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from geometry.told_values import toml_of
from registration.errors import RegistrationError
from registration.keypoints.named_sets import SETS, set_of, set_of_size
from registration.keypoints.onnx_header import OnnxHeader
from registration.keypoints.sets import TRUNK, KeypointSet

Output = Literal["heatmaps", "simcc", "boxes", "people"]
IMAGENET_MEAN: Final = (123.675, 116.28, 103.53)
IMAGENET_STD: Final = (58.395, 57.12, 57.375)
"""Of RGB from 0 to 255: what models on COCO are trained with."""


@checked(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Description:
    """The keys of FILE.toml beside FILE.onnx; all may be left out."""

    keypoints: str | tuple[str, ...] | None = None
    """A named set, or the names in the model's order."""
    output: Output | None = None
    """heatmaps: one map a keypoint. simcc: bins of x and of y. Both see one person in a box. boxes: rows of box, score
    and keypoints over the whole image (YOLO-pose). people: boxes with score, and keypoints (RTMO)."""
    input: tuple[int, int] | None = None
    """Width and height of the image, where the file leaves them open."""
    color: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    """Of the channels from 0 to 255. Models of one person are trained with ImageNet's, those of whole images with none:
    0 and 255 (boxes), 0 and 1 (people)."""
    padding: float = 1.25
    """Size of the picture given to a model of one person, relative to the person's box."""
    udp: bool = False
    """Heatmaps whose outermost cells lie on the outermost pixels (ViTPose and others trained with UDP)."""
    min_score: float = 0.3
    """Mean confidence of a person's trunk below which there is nobody."""
    sigma: float = 1.7
    """Standard deviation of a keypoint of full confidence, in 256ths of the box."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PoseModel:
    """A described model: nothing is left open."""

    keypoints: KeypointSet
    output: Output
    width: int
    height: int
    color: Literal["rgb", "bgr"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    padding: float
    udp: bool
    min_score: float
    sigma: float


def description_path(model: Path) -> Path:
    """FILE.toml beside FILE.onnx."""
    return Path(model).with_suffix(".toml")


def read_description(path: Path) -> Description:
    """What a file beside a model says; everything open where there is no file.

    Raises RegistrationError naming the key that is unknown or wrong.
    """
    if not path.is_file():
        return Description()
    try:
        values: dict[str, Any] = toml_of(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RegistrationError(f"{path} is not TOML: {error}") from None
    try:
        return TypeAdapter(Description).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        known = ", ".join(Description.__dataclass_fields__)
        raise RegistrationError(f"{path}: {key}: {first['msg']}; the keys are: {known}") from None


def describe(
    name: str, header: OnnxHeader, input_size: tuple[int | None, int | None], description: Description
) -> PoseModel:
    """The model from its header and its description; `name` is for messages.

    Raises RegistrationError when neither says what the outputs mean, which keypoints they are, or how large the input.
    """
    shapes = [shape for shape in header.outputs.values()]
    output = description.output or _recognise(shapes)
    if output is None:
        shown = ", ".join(f"{key} {shape}" for key, shape in header.outputs.items())
        raise RegistrationError(
            f'detector {name}: outputs {shown} are not recognised; say `output = "heatmaps"`, "simcc", "boxes" '
            f'or "people" in {Path(name).with_suffix(".toml").name}'
        )
    count = _count(shapes, output)
    keypoints = _keypoints(name, description, count)
    width, height = description.input or input_size
    if width is None or height is None:
        raise RegistrationError(
            f"detector {name} leaves the size of its image open; say `input = [width, height]` in "
            f"{Path(name).with_suffix('.toml').name}"
        )
    mean, std = {
        "boxes": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
        "people": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    }.get(output, (IMAGENET_MEAN, IMAGENET_STD))
    return PoseModel(
        keypoints=keypoints,
        output=output,
        width=width,
        height=height,
        color=description.color,
        mean=description.mean or mean,
        std=description.std or std,
        padding=description.padding,
        udp=description.udp,
        min_score=description.min_score,
        sigma=description.sigma,
    )


def _recognise(shapes: list[tuple[int | None, ...]]) -> Output | None:
    ranks = [len(shape) for shape in shapes]
    if ranks == [4] or (ranks and ranks[0] == 4 and len(set(shapes)) == 1):
        return "heatmaps"
    if ranks == [3, 3] and shapes[0][1] == shapes[1][1] and shapes[0][1] is not None:
        return "simcc"
    if sorted(ranks) == [3, 4]:
        return "people"
    if ranks == [3] and any(n is not None and n > 5 and (n - 5) % 3 == 0 for n in shapes[0][1:]):
        return "boxes"
    return None


def _count(shapes: list[tuple[int | None, ...]], output: Output) -> int | None:
    """Keypoints of the outputs; None where the file leaves it open."""
    if output in ("heatmaps", "simcc"):
        return shapes[0][1]
    if output == "people":
        return next((shape[2] for shape in shapes if len(shape) == 4), None)
    known = [n for n in shapes[0][1:] if n is not None and n > 5 and (n - 5) % 3 == 0]
    return (min(known) - 5) // 3 if known else None


def _keypoints(name: str, description: Description, count: int | None) -> KeypointSet:
    beside = Path(name).with_suffix(".toml").name
    said = description.keypoints
    if said is None:
        found = set_of_size(count) if count is not None else None
        if found is None:
            raise RegistrationError(
                f"detector {name} has {count or 'an unknown number of'} keypoints, and no known set has; say "
                f"`keypoints = [names]` in {beside}, or one of {', '.join(SETS)}"
            )
    else:
        found = set_of(said) if isinstance(said, str) else KeypointSet(tuple(said))
    if len(set(found.names)) < len(found):
        twice = next(word for word in found.names if found.names.count(word) > 1)
        raise RegistrationError(f"{beside}: the keypoint '{twice}' is named twice")
    if count is not None and len(found) != count:
        raise RegistrationError(f"detector {name} has {count} keypoints, {beside} names {len(found)}")
    if missing := [word for word in TRUNK if word not in found.names]:
        raise RegistrationError(
            f"detector {name} has no keypoint {', '.join(missing)}; people are followed by their shoulders and hips"
        )
    return found
