"""The base class of every error that the package `hps` raises on purpose."""


class HpsError(Exception):
    """A message for the user: what failed, the offending value and its place, and what to do next."""
