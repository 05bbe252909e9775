"""A take as long as a working session, and what the pipeline needs of memory and time along it."""
