"""What a fit believes beside its measurements: one file for each belief."""
