"""A session's rig calibrated: which board it shows, where it was seen, the solve, and what is kept of it."""
