"""The protocols by name: ours, those of the RGB benchmarks, and what four point-cloud papers really measure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hps.errors import HpsError
from hps.protocols.protocol import Protocol
from hps.protocols.published import PUBLISHED

SMPL24: Final = tuple(range(24))
LSP14: Final = (8, 5, 2, 1, 4, 7, 21, 19, 17, 16, 18, 20, 12, 15)
"""SMPL joints in LSP's order: right ankle, knee, hip, left hip, knee, ankle, right wrist, elbow, shoulder, left
shoulder, elbow, wrist, neck, head. LSP's own neck and head top lie elsewhere: see the 3dpw14 protocols for those."""
H36M_TO_LSP14: Final = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
"""Of the 17 joints of J_regressor_h36m."""
HIPS: Final = (1, 2)

_OURS: Final = "hps_points benchmark"


def _family(name: str, joints: tuple[int, ...], what: str) -> list[Protocol]:
    base = Protocol(name=f"{name}_abs", joints=joints, says=f"{what} where the sensor sees them", source=_OURS)
    return [
        base,
        replace(base, name=f"{name}_root", root=(0,), says=f"{what} relative to the pelvis joint"),
        replace(base, name=f"{name}_midhip", root=HIPS, says=f"{what} relative to the middle of the hips"),
        replace(
            base, name=f"{name}_pa_rigid", alignment="rigid", says=f"{what} after the best turn and shift, size kept"
        ),
        replace(base, name=f"{name}_pa", alignment="similarity", says=f"{what} after the best turn, shift and size"),
    ]


_H36M = Protocol(
    name="3dpw14_h36m",
    joints=H36M_TO_LSP14,
    regressor="h36m17",
    root=(0,),
    truth_body="gendered SMPL",
    says="14 joints regressed from the posed vertices, relative to the regressed pelvis",
    source="SPIN, BEDLAM, CameraHMR, mmhuman3d",
)
_RGB: Final = [
    _H36M,
    replace(
        _H36M,
        name="3dpw14_midhip",
        root=(4, 1),
        says="14 joints regressed from the posed vertices, relative to the middle of the regressed hips",
        source="VIBE, WHAM",
    ),
    replace(
        _H36M,
        name="3dpw14_pa",
        root=(),
        alignment="similarity",
        says="14 joints regressed from the posed vertices, after the best turn, shift and size",
        source="SPIN, VIBE, BEDLAM, WHAM, mmhuman3d",
    ),
    Protocol(
        name="3dpw_challenge",
        joints=SMPL24,
        root=(0,),
        validity="campose_valid_and_poses2d",
        truth_body="gendered SMPL",
        says="24 joints relative to the pelvis joint, of frames with a valid camera and 2D pose",
        source="aymenmir1/3dpw-eval, evaluate.py",
    ),
]

PROTOCOLS: Final[dict[str, Protocol]] = {
    p.name: p
    for p in [
        *_family("smpl24", SMPL24, "SMPL's 24 joints"),
        *_family("lsp14", LSP14, "14 of SMPL's joints, those of LSP,"),
        *_RGB,
        *PUBLISHED,
    ]
}
"""Every protocol by its name."""

DEFAULT_PROTOCOLS: Final = tuple(
    PROTOCOLS[name]
    for name in ("smpl24_abs", "smpl24_root", "smpl24_pa_rigid", "smpl24_pa", "lsp14_abs", "lsp14_midhip", "lsp14_pa")
)
"""What the benchmark reports of every method."""


def protocol(name: str) -> Protocol:
    """The protocol of this name. Raises HpsError for one that there is none of."""
    if name not in PROTOCOLS:
        raise HpsError(f"no protocol is called {name!r}; there are {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
