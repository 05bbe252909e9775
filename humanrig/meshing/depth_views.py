"""The depth images of an instant, as the clouds were made of them: corrected, with the room."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from calibration.depth.applying import corrected_depth
from calibration.given import read_calibration
from capture.session import CALIBRATED_CAMERAS, Session
from registration.clouds.views import DepthView


@dataclass(frozen=True, eq=False)
class DepthImages:
    """Reads them when they are asked for."""

    session: Session
    without: frozenset[str] = frozenset()

    def at(self, number: int) -> list[DepthView]:
        """Those of the calibrated cameras in use that have a frame at the instant. Raises CaptureError where one
        cannot be read."""
        instant = self._instants.get(number)
        streams = [] if instant is None else [stream for stream in self._streams if instant.has(stream)]
        images = []
        for stream in streams:
            assert instant is not None
            measured = self.session.frame(stream, instant.index[stream]).payload
            depth = corrected_depth(measured, self._corrections.get(stream))
            # whose the pixels are is not asked: what is looked through is nobody
            images.append(DepthView(depth_m=depth, mask=np.isfinite(depth), camera=self._cameras[stream]))
        return images

    @cached_property
    def _streams(self) -> list[str]:
        left_out = self.without
        streams = [stream for stream in self.session.of_kind("depth") if stream in self._cameras]
        return [stream for stream in streams if stream.split("/", maxsplit=1)[0] not in left_out]

    @cached_property
    def _cameras(self):
        return self.session.cameras()

    @cached_property
    def _corrections(self):
        return read_calibration(self.session.path(*CALIBRATED_CAMERAS)).depth_corrections

    @cached_property
    def _instants(self):
        return {instant.instant: instant for instant in self.session.instants()}
