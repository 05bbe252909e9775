"""The base class of every error that the package `humanrig` raises on purpose."""


class HumanrigError(Exception):
    """A message for the user: what failed, the offending value and its place, and what to do next."""


class DiskError(HumanrigError, OSError):
    """A file that could not be written: no fault of the session."""
