"""The base class of every error that the package `body` raises on purpose."""


class BodyError(Exception):
    """A message for the user: what failed, the offending value and its place, and what to do next."""
