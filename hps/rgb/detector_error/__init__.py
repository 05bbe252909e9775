"""How the keypoint detector errs: measured on pictures with a known truth, and drawn for simulated people."""

from hps.rgb.detector_error.model import DetectorErrorModel
from hps.rgb.detector_error.one_view import ONE_VIEW_NOISE

__all__ = ["ONE_VIEW_NOISE", "DetectorErrorModel"]
