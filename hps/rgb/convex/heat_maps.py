"""Where a detector believes keypoints to be, as a likelihood: several peaks each, and anywhere else a little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from hps.errors import HpsError
from hps.rgb.detector_error.one_view import ONE_VIEW_NOISE
from hps.rgb.keypoint_batch import KeypointBatch
from hps.rgb.keypoint_names import LIFTED

PARTNER_SHARE: Final = 0.1
"""Of the belief that a detector has taken the left for the right."""
CELL_SIGMA: Final = 12**-0.5
"""Standard deviation within a square cell, in its sides."""
PARTNER: Final = LIFTED.mirror.tolist()
"""The same keypoint of the other side."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HeatMaps:
    """A mixture of round Gaussians for each keypoint of each frame. Any unit of length."""

    at: Float[Tensor, "frames keypoints peaks 2"]
    sigma: Float[Tensor, "frames keypoints peaks"]
    share: Float[Tensor, "frames keypoints peaks"]
    """Belief in each peak; what is left to 1 is that of a keypoint which may be anywhere in `area`."""
    area: Float[Tensor, "frames"]

    def __post_init__(self) -> None:
        """Raises HpsError for values that are not finite, shares that are not in 0..1 together, sigma not above 0."""
        for name in ("at", "sigma", "share", "area"):
            if not getattr(self, name).isfinite().all():
                raise HpsError(f"heat-maps: '{name}' is not finite; a peak that is not there has share 0")
        if (self.share < 0).any() or (self.share.sum(-1) > 1 + 1e-6).any():
            raise HpsError(
                f"heat-maps: shares of peaks are {float(self.share.min()):.3g} at least and "
                f"{float(self.share.sum(-1).max()):.3g} at most together; they must be in 0..1"
            )
        if not ((self.sigma > 0).all() and (self.area > 0).all()):
            raise HpsError("heat-maps: sigma and area must be above 0")

    @classmethod
    def around(cls, batch: KeypointBatch) -> HeatMaps:
        """Pixels: a peak at each detection, as wide as its errors, and a low one at its partner of the other side."""
        confidence = batch.confidence.double()
        sigma = ONE_VIEW_NOISE.sigma_px(confidence.numpy(), batch.pixel_size.double().numpy())
        sigma, q = torch.as_tensor(sigma), batch.q.double()
        alone = torch.tensor([n == partner for n, partner in enumerate(PARTNER)])
        swapped = torch.where(alone, 0.0, PARTNER_SHARE * confidence[:, PARTNER] * confidence)
        return cls(
            at=torch.stack([q, q[:, PARTNER]], 2),
            sigma=torch.stack([sigma, sigma[:, PARTNER]], 2),
            share=0.98 * torch.stack([confidence - swapped, swapped], 2),
            area=batch.size.double().prod(1),
        )

    @classmethod
    def of_grids(
        cls,
        values: Float[Tensor, "frames keypoints height width"],
        corner: Float[Tensor, "frames 2"],
        cell: Float[Tensor, "frames"],
        *,
        belief: Float[Tensor, "frames keypoints"],
        peaks: int = 32,
    ) -> HeatMaps:
        """The highest cells of heat-maps of a network, such as 64 x 64.

        corner: middle of the first cell, pixels; cell: its side. belief: that the keypoint is in the heat-map at all;
        the cells share it by their values, which must not be below 0. Raises HpsError where they are.
        """
        if not values.isfinite().all() or (values < 0).any():
            raise HpsError(f"a heat-map has values down to {float(values.min()):.3g}; give it after its sigmoid")
        width = values.shape[-1]
        top, which = values.flatten(2).double().topk(min(peaks, width * values.shape[-2]), dim=2)
        place = torch.stack([which % width, which // width], -1) * cell[:, None, None, None] + corner[:, None, None]
        total = top.sum(2, keepdim=True)
        share = torch.where(total > 0, top / total.clamp_min(1e-300), 0.0) * belief[..., None]
        side = cell[:, None, None].expand_as(top).double()
        area = values.shape[-2] * width * cell.double().square()
        return cls(at=place.double(), sigma=CELL_SIGMA * side, share=share, area=area)

    def in_units(self, at: Float[Tensor, "frames keypoints peaks 2"], unit: Float[Tensor, "frames"]) -> HeatMaps:
        """The same with peaks at other coordinates, in which one of the present units is 1 / unit."""
        return HeatMaps(at=at, sigma=self.sigma / unit[:, None, None], share=self.share, area=self.area / unit.square())

    def expected(
        self, believed: Float[Tensor, "frames keypoints 2"], sigma: float
    ) -> tuple[Float[Tensor, "frames keypoints 2"], Float[Tensor, "frames"]]:
        """Where keypoints are on average, if a body's picture has them at `believed`, off by `sigma`; the E-step.

        The second is the logarithm of the likelihood of each frame: of heat-map times Gaussian, integrated over the
        picture. A keypoint that may be anywhere is where the body has it.
        """
        variance, own = self.sigma.square(), sigma**2
        away = self.at - believed[..., None, :]
        together = variance + own
        density = torch.exp(-0.5 * away.square().sum(-1) / together) / (2 * torch.pi * together)
        likelihood = self.share * density
        rest = (1 - self.share.sum(-1)).clamp_min(1e-9) / self.area[:, None]
        total = likelihood.sum(-1) + rest
        pulled = (likelihood / total[..., None] * own / together)[..., None] * away
        return believed + pulled.sum(2), total.log().sum(1)
