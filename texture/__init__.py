"""Meshes with texture for every instant, and the files that other programs open."""
