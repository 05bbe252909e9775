"""What each device of rig.toml is told, checked against its driver, and the slips that no driver can see alone."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from capture.errors import CaptureError
from capture.rig.rig_file import DeviceEntry, RigFile
from capture.rig.toml_tables import checked, meant

SETTINGS = {
    "azure_kinect": ("capture.azure_kinect.settings", "KinectSettings"),
    "realsense": ("capture.realsense.settings", "RealSenseSettings"),
    "iphone": ("capture.iphone.settings", "PhoneSettings"),
}
"""Driver to the module and the class of what one device can be told."""
NO_SETTINGS = {"record3d": ("serial",)}
"""Drivers without a class of settings: the keys of their `[[devices]]`."""
SERVERS = ("iphone",)
"""Drivers whose own table tells the server that all of their devices connect to, not the devices."""
PLACES = ("sync", "depth_delay_us", "subordinate_delay_us")
"""A Kinect's place on the cable: computed from `[chain]` unless the device states it."""


def settings_of(rig: RigFile) -> dict[str, Any]:
    """Name to the settings of each device of `[[devices]]`: its own, what its driver shares, its place on the cable.

    A driver without a class of settings has a plain mapping. Raises CaptureError for a misspelt key, an unknown mode,
    two devices with one serial, two masters, and subordinates without a master.
    """
    settings: dict[str, Any] = {}
    chain = _chain(rig)
    for entry in rig.devices:
        if entry.driver in NO_SETTINGS:
            settings[entry.name] = _plain(rig, entry)
            continue
        kind = settings_class(entry.driver)
        shared = {} if entry.driver in SERVERS else rig.shared.get(entry.driver, {})
        checked(kind, shared, f"{rig.path}: [{entry.driver}]")
        where = f"{rig.path}: [[devices]] '{entry.name}'"
        place = {key: getattr(chain[entry.name], key) for key in PLACES} if entry.name in chain else {}
        own = checked(kind, {**shared, **place, **entry.settings}, where, besides=("name", "driver"))
        settings[entry.name] = own
    _check_serials(rig, settings)
    _check_masters(rig, settings)
    return settings


def settings_class(driver: str) -> type[Any]:
    """The pydantic dataclass of a driver's settings. Raises CaptureError where this program lacks the driver."""
    module, name = SETTINGS[driver]
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise CaptureError(f"the driver {driver} cannot be loaded ({error}); install humanrig again") from None


def _chain(rig: RigFile) -> Mapping[str, Any]:
    if not rig.chain.order:
        return {}
    from capture.azure_kinect.chain import chain_settings

    base = checked(settings_class("azure_kinect"), rig.shared.get("azure_kinect", {}), f"{rig.path}: [azure_kinect]")
    try:
        return chain_settings(list(rig.chain.order), base, spacing_us=rig.chain.spacing_us)
    except CaptureError as error:
        raise CaptureError(f"{rig.path}: [chain]: {error}") from None


def _plain(rig: RigFile, entry: DeviceEntry) -> Mapping[str, Any]:
    for key in entry.settings:
        if key not in NO_SETTINGS[entry.driver]:
            known = ["name", "driver", *NO_SETTINGS[entry.driver]]
            raise CaptureError(f"{rig.path}: [[devices]] '{entry.name}': there is no key '{key}'; {meant(key, known)}")
    return dict(entry.settings)


def value(settings: Any, key: str, otherwise: Any = None) -> Any:
    """One value of a device's settings, of a class or of a mapping."""
    if isinstance(settings, Mapping):
        return settings.get(key, otherwise)
    return getattr(settings, key) if key in {field.name for field in fields(settings)} else otherwise


def _check_serials(rig: RigFile, settings: Mapping[str, Any]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for entry in rig.devices:
        serial = value(settings[entry.name], "serial", "")
        if serial and (entry.driver, serial) in seen:
            raise CaptureError(
                f"{rig.path}: '{seen[entry.driver, serial]}' and '{entry.name}' have one serial, {serial}; "
                "look at the labels or run humanrig devices, and correct one of them"
            )
        seen[entry.driver, serial] = entry.name
    for driver in ("azure_kinect", "realsense"):
        units = [entry.name for entry in rig.devices if entry.driver == driver]
        unnamed = [name for name in units if not value(settings[name], "serial", "")]
        if len(units) > 1 and unnamed:
            raise CaptureError(
                f"{rig.path}: '{unnamed[0]}' has no serial, and the rig has {len(units)} devices of {driver}; "
                "take it from humanrig devices"
            )


def _check_masters(rig: RigFile, settings: Mapping[str, Any]) -> None:
    """Of each driver's own cable: an Azure Kinect's pulse is not for a RealSense."""
    for driver in ("azure_kinect", "realsense"):
        names = [entry.name for entry in rig.devices if entry.driver == driver]
        masters = [name for name in names if settings[name].sync == "master"]
        if len(masters) > 1:
            first = rig.chain.order[:1]
            why = f" ('{first[0]}' is the first of [chain] order)" if first and first[0] in masters else ""
            raise CaptureError(
                f"{rig.path}: the cable has {len(masters)} masters, {' and '.join(masters)}{why}; "
                "make all but one of them subordinates"
            )
        subordinates = [name for name in names if settings[name].sync == "subordinate"]
        if subordinates and not masters:
            hint = "put the master first in [chain] order" if driver == "azure_kinect" else "give one sync = 'master'"
            raise CaptureError(
                f"{rig.path}: '{subordinates[0]}' is a subordinate without a master and would wait for ever; {hint}"
            )
