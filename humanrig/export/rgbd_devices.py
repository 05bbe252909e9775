"""The devices that HuMMan's formats are made of, those with colour and depth, numbered as it numbers them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from calibration.rig import device_of
from capture.errors import CaptureError
from capture.session import Session
from geometry.camera import Camera
from humanrig.errors import HumanrigError

ROOM = "background_from"
"""The link of session.toml to a session of the empty room."""


@dataclass(frozen=True)
class RgbdDevices:
    """Devices in the order of their names; n is the number that the formats give one."""

    session: Session
    devices: tuple[str, ...]
    cameras: dict[str, Camera]
    left_out: tuple[str, ...]
    """Names of other devices, each with what it wants."""
    phones: tuple[str, ...] = ()
    """Phones that are calibrated: HuMMan's formats hold them in places of their own, or not at all."""

    def color(self, n: int) -> Camera:
        """The colour camera of a device."""
        return self.cameras[f"{self.devices[n]}/color"]

    def depth(self, n: int) -> Camera:
        """The depth camera of a device."""
        return self.cameras[f"{self.devices[n]}/depth"]

    def streams(self, kind: str) -> list[str]:
        """The streams of a kind, in the order of the devices."""
        return [f"{device}/{kind}" for device in self.devices]

    @cached_property
    def background(self) -> Session | None:
        """The empty room, where the session knows one and it is still there."""
        link = self.session.info.links.get(ROOM)
        try:
            return Session.open(self.session.folder / link) if link else None
        except CaptureError:
            return None


def rgbd_devices(session: Session) -> RgbdDevices:
    """Those with colour, depth and a calibrated camera of each; phones stand apart.

    Raises HumanrigError when there is none, CaptureError when the stage calibrate has not run.
    """
    cameras = session.cameras()
    names = sorted({device_of(s) for s in cameras if s.endswith("/color") and s in session.streams})
    phones = [name for name in names if is_phone(session, name)]
    both = [d for d in names if f"{d}/depth" in session.streams and f"{d}/depth" in cameras and d not in phones]
    if not both:
        raise HumanrigError(
            f"{session.folder}: HuMMan's layout needs devices with colour and depth, this session has none; "
            "use the formats glb, obj, ply or amass"
        )
    others = sorted({stream.device for stream in session.info.streams} - set(both) - set(phones))
    return RgbdDevices(
        session, tuple(both), cameras, tuple(f"{d} (no colour or no depth)" for d in others), tuple(phones)
    )


def no_image(session: Session, reasons: Sequence[str]) -> HumanrigError:
    """The error of a recording of which no image can be read; `reasons` has a sentence for each."""
    first = reasons[0] if reasons else "there is none"
    return HumanrigError(
        f"{session.folder}: no image of the recording can be read ({first}); restore it from a copy or import it again"
    )


def is_phone(session: Session, device: str) -> bool:
    """Whether a device is an iPhone, by its name or its model."""
    model = session.devices[device].model if device in session.devices else ""
    return "iphone" in f"{device} {model}".lower()
