"""The normal equations of a fit over a clip: a banded matrix over time, bordered by what all frames share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded

from registration.fit.state import FRAME_SIZE


@dataclass(kw_only=True)
class NormalEquations:
    """A sum of squared residuals, linearised: cost, gradient force b and Gauss–Newton matrix A with A step = b.

    Any unknowns of frames t and t + 1 may touch; those of t and t + 2 only through the same unknown. Shared unknowns
    are the shape's coefficients, then the landmarks' offsets.
    """

    A: Float[np.ndarray, "frames 75 75"]
    A_next: Float[np.ndarray, "frames 75 75"]
    """[t, i, k]: between unknown i of frame t + 1 and k of frame t (the last entry is unused)."""
    A_second: Float[np.ndarray, "frames 75"]
    """Between an unknown and itself two frames later."""
    A_border: Float[np.ndarray, "frames 75 shared"]
    A_shared: Float[np.ndarray, "shared shared"]
    b: Float[np.ndarray, "frames 75"]
    b_shared: Float[np.ndarray, "shared"]
    cost: float = 0.0

    @classmethod
    def zeros(cls, frames: int, shared: int) -> NormalEquations:
        """No residuals yet."""
        F = FRAME_SIZE
        return cls(
            A=np.zeros((frames, F, F)), A_next=np.zeros((frames, F, F)), A_second=np.zeros((frames, F)),
            A_border=np.zeros((frames, F, shared)), A_shared=np.zeros((shared, shared)),
            b=np.zeros((frames, F)), b_shared=np.zeros(shared),
        )  # fmt: skip

    def frames(self, some: slice) -> NormalEquations:
        """The same with some of the frames only; what is shared stays whole."""
        return NormalEquations(
            A=self.A[some], A_next=self.A_next[some], A_second=self.A_second[some], A_border=self.A_border[some],
            A_shared=self.A_shared, b=self.b[some], b_shared=self.b_shared, cost=self.cost,
        )  # fmt: skip

    @classmethod
    def joined(cls, parts: Sequence[NormalEquations]) -> NormalEquations:
        """Parts of a clip, one after the other, with the sum of what is shared and no links between them."""
        for part in parts:
            part.A_next[-1:], part.A_second[-2:] = 0, 0
        stack = {
            n: np.concatenate([getattr(p, n) for p in parts]) for n in ("A", "A_next", "A_second", "A_border", "b")
        }
        return cls(
            **stack,
            A_shared=np.sum([p.A_shared for p in parts], 0),
            b_shared=np.sum([p.b_shared for p in parts], 0),
            cost=sum(p.cost for p in parts),
        )

    def add_rows(
        self,
        frames: Integer[np.ndarray, "rows"],
        rows: Float[np.ndarray, "rows unknowns"],
        information: Float[np.ndarray, "rows"],
        residual: Float[np.ndarray, "rows"],
        cost: float,
    ) -> None:
        """Adds scalar residuals (target minus estimate) with their inverse variances.

        A row holds the 75 unknowns of its frame and then the first ones of the shared.
        """
        order = np.argsort(frames, kind="stable")
        frames = np.asarray(frames)[order]
        starts = np.flatnonzero(np.r_[True, frames[1:] != frames[:-1]]) if len(frames) else []
        for start, stop in zip(starts, [*starts[1:], len(frames)]):
            some = order[start:stop]
            informed = information[some, None] * rows[some]
            self.add_block(int(frames[start]), rows[some].T @ informed, residual[some] @ informed)
        self.cost += cost

    def add_block(
        self, frame: int, A: Float[np.ndarray, "unknowns unknowns"], b: Float[np.ndarray, "unknowns"]
    ) -> None:
        """Adds one frame's J^T W J and J^T W r, of its 75 unknowns and the first ones of the shared."""
        F, count = FRAME_SIZE, len(b) - FRAME_SIZE
        self.A[frame] += A[:F, :F]
        self.b[frame] += b[:F]
        self.A_border[frame, :, :count] += A[:F, F:]
        self.A_shared[:count, :count] += A[F:, F:]
        self.b_shared[:count] += b[F:]

    def add_between(
        self,
        frame: int,
        now: Float[np.ndarray, "rows unknowns"],
        later: Float[np.ndarray, "rows unknowns"],
        information: Float[np.ndarray, "rows"],
        residual: Float[np.ndarray, "rows"],
        cost: float,
    ) -> None:
        """Adds residuals of a frame and the one after it: rows in the unknowns of each, and of the shared.

        The shared parts of both rows are added up: a velocity's row is that of the later frame minus the earlier one's.
        """
        F, count = FRAME_SIZE, now.shape[1] - FRAME_SIZE
        both = np.concatenate([now[:, :F], later[:, :F], now[:, F:] + later[:, F:]], 1)
        informed = information[:, None] * both
        A, b = both.T @ informed, residual @ informed
        self.A[frame] += A[:F, :F]
        self.A[frame + 1] += A[F : 2 * F, F : 2 * F]
        self.A_next[frame] += A[F : 2 * F, :F]
        self.A_border[frame, :, :count] += A[:F, 2 * F :]
        self.A_border[frame + 1, :, :count] += A[F : 2 * F, 2 * F :]
        self.A_shared[:count, :count] += A[2 * F :, 2 * F :]
        self.b[frame] += b[:F]
        self.b[frame + 1] += b[F : 2 * F]
        self.b_shared[:count] += b[2 * F :]
        self.cost += cost

    def add_weighted(self, other: NormalEquations, weight: float) -> None:
        """Adds other equations of the same unknowns."""
        for name in ("A", "A_next", "A_second", "A_border", "A_shared", "b", "b_shared"):
            getattr(self, name).__iadd__(weight * getattr(other, name))
        self.cost += weight * other.cost

    def solve(
        self, damping: float, fixed_shared: bool = False
    ) -> tuple[Float[np.ndarray, "frames 75"], Float[np.ndarray, "shared"]]:
        """The damped step (Levenberg–Marquardt, relative to the diagonal). With `fixed_shared` the border stays.

        Raises LinAlgError when the equations have no solution at this damping.
        """
        frames, F = self.b.shape
        factor = cholesky_banded(self.band(damping), overwrite_ab=True, lower=True, check_finite=False)
        if fixed_shared:
            step = cho_solve_banded((factor, True), self.b.reshape(-1), check_finite=False)
            return step.reshape(frames, F), np.zeros_like(self.b_shared)
        border = self.A_border.reshape(frames * F, -1)
        solved = cho_solve_banded(
            (factor, True), np.concatenate([self.b.reshape(-1, 1), border], 1), check_finite=False
        )
        shared = self.A_shared
        inner = shared + damping * np.diag(np.diag(shared)) + 1e-9 * np.eye(len(shared)) - border.T @ solved[:, 1:]
        step_shared = np.linalg.solve(inner, self.b_shared - border.T @ solved[:, 0])
        step = solved[:, 0] - solved[:, 1:] @ step_shared
        if not np.isfinite(step).all():
            raise LinAlgError("the step is not finite")
        return step.reshape(frames, F), step_shared

    def band(self, damping: float = 0.0) -> Float[np.ndarray, "band unknowns"]:
        """Lower band storage of the frames' part (scipy.linalg.cholesky_banded), damped."""
        frames, F = self.b.shape
        band = np.zeros((2 * F + 1, frames, F))
        low, col = np.tril_indices(F)
        band[low - col, :, col] = self.A[:, low, col].T
        band[0] += damping * np.diagonal(self.A, axis1=1, axis2=2) + 1e-9
        row, col = (index.ravel() for index in np.indices((F, F)))
        band[F + row - col, :-1, col] += self.A_next[:-1, row, col].T
        band[2 * F, :-2] += self.A_second[:-2]
        return band.reshape(2 * F + 1, frames * F)
