"""Named ways to make a cloud out of depth images, so that two people mean the same clouds by one name.

A protocol's name stands beside every figure that was measured on it. Its version is raised whenever a cloud changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hps.errors import HpsError

VIEWS: Final = (1, 2, 4, 10)
FLYING_M: Final = 0.05
"""As `registration.clouds.config.CloudConfig.flying_m`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudProtocol:
    """Masked depth pixels of one or more cameras, back-projected; all the points that are left, in the rig's world."""

    name: str
    views: int = 1
    """Cameras of a cloud, 0 for all. Several are spread all round, each camera in at most one cloud of an instant."""
    near_m: float = 0.1
    far_m: float = 5.0
    """Depths (along the axis) outside of near..far are left out."""
    erode_px: int = 0
    """The mask is eroded by a square of so many pixels on each side."""
    flying_m: float | None = None
    """Pixels whose 3x3 neighbourhood spans more than this, room included, are left out; None: they stay."""
    joints: str = "smpl24"
    """Joints that errors are measured at."""
    about: str = ""
    """What else belongs to it, in a sentence."""


_HUMMAN_ABOUT: Final = "instants with a mask (every sixth frame); subjects split by humanrig-split-v1 of 'humman'"
_BASES: Final = (
    CloudProtocol(name="humman_point_v1", about=f"HuMMan-Point, Kinects; {_HUMMAN_ABOUT}"),
    CloudProtocol(name="humman_recon_v1", about=f"HuMMan-Recon, colour masks looked up at each point; {_HUMMAN_ABOUT}"),
    CloudProtocol(name="humman_smc_v1", about=f"raw SMC, whole lens; {_HUMMAN_ABOUT}"),
    CloudProtocol(name="humanrig_session_v1", far_m=10.0, about="a session's depth within its people's masks"),
)  # fmt: skip


def _variants(base: CloudProtocol) -> list[CloudProtocol]:
    """Each number of views, raw and filtered."""
    found = []
    for views in VIEWS:
        for filtered in (False, True):
            name = base.name + (f"_views{views}" if views > 1 else "") + ("_filtered" if filtered else "")
            found.append(
                CloudProtocol(
                    name=name,
                    views=views,
                    near_m=base.near_m,
                    far_m=base.far_m,
                    erode_px=1 if filtered else 0,
                    flying_m=FLYING_M if filtered else None,
                    about=base.about,
                )
            )
    return found


PROTOCOLS: Final[dict[str, CloudProtocol]] = {
    protocol.name: protocol
    for protocol in (
        *(variant for base in _BASES for variant in _variants(base)),
        CloudProtocol(
            name="gta_human_2_v1",
            far_m=10.0,
            about="GTA-Human II's own crops; whole scenes split by humanrig-split-v1 of 'gta_human_2'",
        ),
        CloudProtocol(
            name="surreal_votehmr_v1",
            near_m=0.0,
            far_m=1e9,
            about="every pixel with a part label, f = 600 px, centre (160, 120); SURREAL's own split",
        ),
        CloudProtocol(
            name="humanrig_clouds_v1",
            views=0,
            about="the fused and cleaned clouds of a session's stage clouds, all its cameras",
        ),
        CloudProtocol(name="humandata_v1", far_m=10.0, about="depth_path within segmentation; no split of its own"),
    )
}


def protocol_of(name: str) -> CloudProtocol:
    """A protocol by name. Raises HpsError for a name that there is not."""
    if name not in PROTOCOLS:
        near = [known for known in PROTOCOLS if known.split("_")[0] == name.split("_")[0]] or list(PROTOCOLS)
        raise HpsError(f"there is no cloud protocol '{name}'; there are {', '.join(near)}")
    return PROTOCOLS[name]
