"""Faults that are put into sound takes, to see whether the verdict notices."""
