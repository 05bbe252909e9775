"""What is done to clouds before a network learns from them or is tried on them, written down as data."""
