"""Clouds of a rig of depth cameras: which cameras go together, which way is up, and the sample of an instant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from body.parameters import BodyParameters
from capture.importers.level_world import level_world
from geometry.camera import Camera
from hps.datasets.attributes import cloud_attributes, heading_of
from hps.datasets.cloud_sample import CloudSample
from hps.datasets.depth_cloud import MaskedDepth, cloud_of
from hps.datasets.protocol import CloudProtocol
from hps.datasets.reader import Entry
from hps.errors import HpsError
from hps.points.person_cloud import PersonCloud
from hps.synthesis.clouds.clouds_pass import grouped


def groups_of(devices: Sequence[str], views: int, place: object) -> dict[str, tuple[str, ...]]:
    """Cameras that make a cloud together, by name: the camera's own for one, `v04_00` for the first four.

    Raises HpsError when there are fewer cameras than a cloud wants.
    """
    if len(devices) < views:
        raise HpsError(f"{place} has {len(devices)} depth cameras, a cloud wants {views}; choose another protocol")
    if views == 1:
        return {device: (device,) for device in devices}
    members = grouped(len(devices), views)
    return {f"v{views:02d}_{n:02d}": tuple(devices[m] for m in group) for n, group in enumerate(members)}


def instants_of(there: Mapping[str, Iterable[int]], members: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Each frame that any of the cameras has, and the cameras that lack it."""
    have = {device: set(there[device]) for device in members}
    for frame in sorted(set().union(*have.values())):
        yield frame, [device for device in members if frame not in have[device]]


def up_of(depths_m: Mapping[str, np.ndarray], cameras: Mapping[str, Camera]) -> Float[np.ndarray, "3"] | None:
    """The floor's normal in the frame of the cameras' poses, as depth shows it; None where no floor is found."""
    levelling = level_world(depths_m, {name: cameras[name] for name in depths_m})
    return levelling.T_world_source[2, :3].copy() if levelling.found else None


def rig_sample(
    entry: Entry,
    views: Sequence[MaskedDepth],
    protocol: CloudProtocol,
    *,
    sensors: Sequence[str],
    rate_hz: float,
    up: Float[np.ndarray, "3"] | None,
    truth: BodyParameters | None,
    model: str,
    joints: Float[np.ndarray, "24 3"] | None = None,
) -> CloudSample:
    """The sample of an instant, in the rig's world; its cloud may have no point."""
    cloud = cloud_of(views, protocol, up)
    return entry.sample(
        time_s=entry.frame / rate_hz,
        sensors=tuple(sensors),
        cloud=cloud,
        truth=truth,
        joints=joints,
        model=model,
        attributes=attributes_of(cloud, sensors, truth, joints, entry),
    )


def attributes_of(
    cloud: PersonCloud,
    sensors: Sequence[str],
    truth: BodyParameters | None,
    joints: Float[np.ndarray, "24 3"] | None,
    entry: Entry,
) -> dict[str, float | str]:
    """What cloud, truth and names say of a sample. Without joints the heading is taken at the cloud's median."""
    found = cloud_attributes(cloud, sensors) | {"action": entry.action}
    if truth is not None and len(cloud):
        pelvis = joints[0] if joints is not None else np.median(cloud.points, axis=0)
        found |= heading_of(truth.global_orient[0], pelvis, cloud) | {"child": float(truth.child)}
    return found
