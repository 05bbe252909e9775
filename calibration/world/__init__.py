"""The world of a rig: where its floor is, which way is up, and where the origin lies."""
