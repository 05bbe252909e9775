"""The base class of every error that the package `calibration` raises on purpose."""


class CalibrationError(Exception):
    """A message for the user: what failed, the offending value and its place, and what to do next."""
