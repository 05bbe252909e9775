"""Calibration of a rig: which cameras a session has and how far they can be trusted."""
