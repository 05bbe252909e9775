"""Puts methods through a benchmark set: who takes part, what they answered, and how far off it was."""
