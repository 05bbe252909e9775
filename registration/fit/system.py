"""The normal equations of a fit over a clip: a banded matrix over time, bordered by what all frames share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded
from torch import Tensor

from registration.fit.state import FRAME_SIZE


@dataclass(kw_only=True)
class NormalEquations:
    """A sum of squared residuals, linearised: cost, gradient force b and Gauss–Newton matrix A with A step = b.

    The unknowns of frame t touch those of t ± 1 and t ± 2 only through the same unknown (smoothness in time).
    """

    A: Float[Tensor, "frames 75 75"]
    A_next: Float[Tensor, "frames 75"]
    """Between an unknown and itself one frame later (the last entry is unused)."""
    A_second: Float[Tensor, "frames 75"]
    """Two frames later."""
    A_border: Float[Tensor, "frames 75 shared"]
    A_shared: Float[Tensor, "shared shared"]
    b: Float[Tensor, "frames 75"]
    b_shared: Float[Tensor, "shared"]
    cost: float = 0.0

    @classmethod
    def zeros(cls, frames: int, shared: int) -> NormalEquations:
        """No residuals yet."""
        F = FRAME_SIZE
        z = lambda *shape: torch.zeros(*shape, dtype=torch.float64)  # noqa: E731
        return cls(
            A=z(frames, F, F), A_next=z(frames, F), A_second=z(frames, F), A_border=z(frames, F, shared),
            A_shared=z(shared, shared), b=z(frames, F), b_shared=z(shared),
        )  # fmt: skip

    def add_rows(
        self,
        at: slice,
        rows: Float[Tensor, "some points along unknowns"],
        information: Float[Tensor, "some points along along"],
        residual: Float[Tensor, "some points along"],
        cost: float,
    ) -> None:
        """Adds residuals (target minus estimate) of the frames `at`, with the inverse covariance of each point.

        The rows hold a frame's unknowns and then the first ones of the shared.
        """
        informed = (information @ rows).flatten(1, 2)
        force = (information @ residual[..., None]).flatten(1)
        self._add(at, rows.flatten(1, 2), informed, force, cost)

    def add_scalars(
        self,
        at: slice,
        rows: Float[Tensor, "some points unknowns"],
        information: Float[Tensor, "some points"],
        residual: Float[Tensor, "some points"],
        cost: float,
    ) -> None:
        """The same for residuals along one direction each."""
        self._add(at, rows, information[..., None] * rows, information * residual, cost)

    def _add(self, at: slice, rows: Tensor, informed: Tensor, force: Tensor, cost: float) -> None:
        product = rows.transpose(1, 2) @ informed
        b = (rows.transpose(1, 2) @ force[..., None])[..., 0]
        F, count = FRAME_SIZE, rows.shape[2] - FRAME_SIZE
        self.A[at] += product[:, :F, :F]
        self.A_border[at, :, :count] += product[:, :F, F:]
        self.A_shared[:count, :count] += product[:, F:, F:].sum(0)
        self.b[at] += b[:, :F]
        self.b_shared[:count] += b[:, F:].sum(0)
        self.cost += cost

    def solve(
        self, damping: float, fixed_shared: bool = False
    ) -> tuple[Float[Tensor, "frames 75"], Float[Tensor, "shared"]]:
        """The damped step (Levenberg–Marquardt, relative to the diagonal). With `fixed_shared` the border stays.

        Raises LinAlgError when the equations have no solution at this damping.
        """
        frames, F = self.b.shape
        band = self._band(damping)
        factor = cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False)
        if fixed_shared:
            step = cho_solve_banded((factor, True), self.b.reshape(-1).numpy(), check_finite=False)
            return torch.from_numpy(step).reshape(frames, F), torch.zeros_like(self.b_shared)
        border = self.A_border.reshape(frames * F, -1).numpy()
        solved = cho_solve_banded(
            (factor, True), np.concatenate([self.b.reshape(-1, 1).numpy(), border], 1), check_finite=False
        )
        shared = self.A_shared.numpy()
        inner = shared + damping * np.diag(np.diag(shared)) + 1e-9 * np.eye(len(shared)) - border.T @ solved[:, 1:]
        step_shared = np.linalg.solve(inner, self.b_shared.numpy() - border.T @ solved[:, 0])
        step = solved[:, 0] - solved[:, 1:] @ step_shared
        if not np.isfinite(step).all():
            raise LinAlgError("the step is not finite")
        return torch.from_numpy(step).reshape(frames, F), torch.from_numpy(step_shared)

    def _band(self, damping: float) -> Float[np.ndarray, "band unknowns"]:
        """Lower band storage of the frames' part, damped."""
        frames, F = self.b.shape
        band = np.zeros((2 * F + 1, frames, F))
        low, col = np.tril_indices(F)
        A = self.A.numpy()
        band[low - col, :, col] = A[:, low, col].T
        band[0] += damping * np.diagonal(A, axis1=1, axis2=2) + 1e-9
        band[F, :-1] += self.A_next[:-1].numpy()
        band[2 * F, :-2] += self.A_second[:-2].numpy()
        return band.reshape(2 * F + 1, frames * F)
