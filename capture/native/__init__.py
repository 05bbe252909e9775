"""Recordings of a session in the files that each maker's own program writes: RealSense, Record3D, Stray Scanner."""
