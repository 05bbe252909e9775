"""Scoring of bodies under the protocols of the literature, and the files that they come in."""
