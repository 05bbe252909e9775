"""The page that shows a calibration: how sure each camera is, on what that rests, and what to do about it."""

from humanrig.calibration_report.page import write_calibration_report

__all__ = ["write_calibration_report"]
