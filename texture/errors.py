"""The base class of every error that the package `texture` raises on purpose."""


class TextureError(Exception):
    """A message for the user: what failed, the offending value and its place, and what to do next."""


class DiskError(TextureError, OSError):
    """A file that could not be written: no fault of what was to be in it."""
