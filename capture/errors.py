"""The base class of every error that the package `capture` raises on purpose."""


class CaptureError(Exception):
    """A message for the user: what failed, the offending value and its place, and what to do next."""
