"""Texture coordinates and the atlas that they span."""
