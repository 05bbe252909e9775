"""How the learned lifter is trained."""
