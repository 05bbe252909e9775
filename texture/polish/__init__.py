"""Cameras made to agree on the colours of the surface that they see."""
