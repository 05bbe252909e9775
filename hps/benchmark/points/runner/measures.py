"""The measures of the benchmark, each with the protocol that its number was taken by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hps.metrics.failures import FAILURE_MM


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One number for each cloud."""

    name: str
    title: str
    protocol: str
    """What exactly is compared; stands beside every number."""
    unit: str = "mm"
    digits: int = 1
    wants_body: bool = False
    scale: float = 1.0
    """From the stored number to the shown one."""


MEASURES: Final = (
    Measure(name="mpjpe_abs", title="MPJPE", protocol="smpl24_abs"),
    Measure(name="mpjpe_root", title="MPJPE, pelvis at pelvis", protocol="smpl24_root"),
    Measure(name="mpjpe_pa_rigid", title="PA-MPJPE, no scale", protocol="smpl24_pa_rigid"),
    Measure(name="mpjpe_pa", title="PA-MPJPE", protocol="smpl24_pa"),
    Measure(name="mpjpe_lsp14", title="MPJPE of 14 joints", protocol="lsp14_abs"),
    Measure(name="mpjpe_lsp14_midhip", title="MPJPE of 14 joints, hips at hips", protocol="lsp14_midhip"),
    Measure(name="mpjpe_lsp14_pa", title="PA-MPJPE of 14 joints", protocol="lsp14_pa"),
    Measure(
        name="mpjpe_stated", title="MPJPE to joints as the data set states them", protocol="smpl24_abs, no body between"
    ),
    Measure(name="pve_abs", title="PVE", protocol="all vertices, absolute", wants_body=True),
    Measure(name="pve_root", title="PVE, pelvis at pelvis", protocol="all vertices, smpl24 pelvis", wants_body=True),
    Measure(name="pve_pa", title="PA-PVE", protocol="all vertices, similarity", wants_body=True),
    Measure(name="pve_torso", title="PVE of the torso", protocol="absolute", wants_body=True),
    Measure(name="pve_limbs", title="PVE of the limbs", protocol="absolute", wants_body=True),
    Measure(name="pve_hands", title="PVE of the hands", protocol="absolute", wants_body=True),
    Measure(name="pve_head", title="PVE of the head", protocol="absolute", wants_body=True),
    Measure(
        name="pve_tpose", title="PVE in the T-pose", protocol="shape alone, as the model places it", wants_body=True
    ),
    Measure(
        name="mpjae", title="MPJAE", protocol="geodesic, global, the 9 major joints of 3DPW", unit="°", wants_body=True
    ),
    Measure(name="translation", title="translation", protocol="pelvis joint"),
    Measure(
        name="failure", title="failures", protocol=f"PVE > {FAILURE_MM:g} mm or no body", unit="%", wants_body=True,
        scale=100.0,
    ),
    Measure(
        name="livehps_ang", title="LiveHPS's Ang Err", unit="°", wants_body=True,
        protocol="livehps_ang: difference of rotation angles, not an angle between rotations; for back-comparison only",
    ),
)  # fmt: skip
MOVEMENT: Final = (
    Measure(
        name="acceleration", title="acceleration error", unit="mm/frame²",
        protocol="smpl24_abs, second differences, all frames with two neighbours (HMMR, VIBE)",
    ),
    Measure(
        name="acceleration_m_s2", title="acceleration error", unit="m/s²", digits=2,
        protocol="smpl24_abs, second differences times the squared rate, without the first and last of them (WHAM, "
        "GVHMR)",
    ),
)  # fmt: skip
"""Of clouds that follow each other; an answer alone has none."""
FAILURE: Final = "failure"
SHORT: Final = ("mpjpe_abs", "mpjpe_root", "mpjpe_pa_rigid", "mpjpe_pa", "pve_abs", "pve_pa", "pve_tpose", "mpjae",
                "translation", "failure")  # fmt: skip
"""What tables for people show; the rest is in results.json."""
BY_NAME: Final = {measure.name: measure for measure in MEASURES}
