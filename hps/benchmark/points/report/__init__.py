"""What a benchmark found, told in tables, curves and pictures."""
