"""Errors of depth cameras, measured on boards whose place is known."""
