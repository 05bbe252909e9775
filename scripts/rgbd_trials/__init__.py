"""What scripts/measure_rgbd.py is made of."""
