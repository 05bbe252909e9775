"""Trials of surfaces and textures against truth: which takes, what is measured, and the tables of docs/."""
