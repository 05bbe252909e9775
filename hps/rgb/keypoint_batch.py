"""What a lifter is given: one person's keypoints in each of several pictures, and the cameras."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor

from hps.errors import HpsError
from hps.rgb.keypoint_names import LIFTED_COUNT


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KeypointBatch:
    """Keypoints in the order of `hps.rgb.keypoint_names.LIFTED`, a row for each person."""

    q: Float[Tensor, "batch keypoints 2"]
    """Pixels, the lens's distortion taken out; pixel centres are integers. Finite even where the confidence is 0."""
    confidence: Float[Tensor, "batch keypoints"]
    """The detector's belief, 0 to 1, that the keypoint is in the picture and not hidden; 0: nothing is known."""
    pixel_size: Float[Tensor, "batch"]
    """Pixels of the image to one pixel of the detector's crop: the unit in which its errors are measured."""
    K: Float[Tensor, "batch 3 3"]
    """Intrinsics, pixels: true, or what is believed."""
    size: Float[Tensor, "batch 2"]
    """Width and height of the image, pixels."""
    focal_known: Bool[Tensor, "batch"]
    """Whether the focal length was measured (calibration, EXIF) or only supposed."""

    def __post_init__(self) -> None:
        """Raises HpsError when the shapes disagree, or where pixels are not finite."""
        if self.q.shape[1:] != (LIFTED_COUNT, 2) or self.confidence.shape != self.q.shape[:2]:
            raise HpsError(
                f"keypoints {tuple(self.q.shape)} with confidence {tuple(self.confidence.shape)} must be "
                f"(batch, {LIFTED_COUNT}, 2) and (batch, {LIFTED_COUNT})"
            )
        if not (self.q.isfinite().all() and self.K.isfinite().all()):
            raise HpsError("keypoints or intrinsics are not finite; set the confidence of missing keypoints to 0")

    def __len__(self) -> int:
        """Number of people."""
        return len(self.q)

    def rows(self, which: Any) -> KeypointBatch:
        """Some of them: a slice, or a tensor of indices or of truths."""
        return replace(self, **{field.name: getattr(self, field.name)[which] for field in fields(self)})
