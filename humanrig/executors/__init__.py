"""Who does the work: the same tasks on this machine's processes or on a cluster."""
