"""The benchmark of point clouds: its set, the runner that puts methods through it, and the report."""
