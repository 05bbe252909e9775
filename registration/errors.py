"""The base class of every error that the package `registration` raises on purpose."""


class RegistrationError(Exception):
    """A message for the user: what failed, the offending value and its place, and what to do next."""
