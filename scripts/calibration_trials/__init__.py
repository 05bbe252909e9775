"""Calibrations of virtual rigs whose truth is known, ours and others'."""
