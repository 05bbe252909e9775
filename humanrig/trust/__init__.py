"""How far a reconstruction can be trusted, from its figures alone."""
