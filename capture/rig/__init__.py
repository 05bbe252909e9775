"""The rig: which devices it has, how they are set, and whether they are fit to record."""
