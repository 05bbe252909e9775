"""What a user may choose when a rig is solved."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.errors import CalibrationError


@dataclass(frozen=True, kw_only=True, slots=True)
class RigSolveOptions:
    """Choices of `solve_rig`."""

    max_instants: int = 200
    """Most placements of the board that enter the solve."""
    hold_out_every: int = 6
    """Every so many-th placement stays out of the solve and judges it; 0: none."""
    min_views: int = 4
    """A camera with fewer views is not solved."""
    min_corners: int = 6
    """A view with fewer corners is left out."""
    free_intrinsics: bool = True
    """False: the lenses stay as they are known."""
    find_moved: bool = True
    """Whether to look for cameras that were pushed in mid-session."""
    held: str = ""
    """The camera that the world hangs on; by default the one with the most views."""

    def __post_init__(self) -> None:
        """Raises CalibrationError on a choice that cannot be met."""
        if self.max_instants < 3:
            raise CalibrationError(f"at most {self.max_instants} instants cannot tie a rig; allow at least 3")
        if self.hold_out_every == 1 or self.hold_out_every < 0:
            raise CalibrationError(
                f"holding out one board in {self.hold_out_every} leaves nothing to solve; give 2 or more, or 0"
            )
