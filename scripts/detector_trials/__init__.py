"""What scripts/measure_detector.py is made of."""
