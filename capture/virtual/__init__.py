"""A virtual rig: simulated RGB-D sensors that watch a simulated person and write the session of a real rig."""
