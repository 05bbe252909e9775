"""The base class of every error that the package `geometry` raises on purpose."""


class GeometryError(Exception):
    """A message for the user: what failed, the offending value and its place, and what to do next."""
