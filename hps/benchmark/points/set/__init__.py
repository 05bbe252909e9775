"""The simulated test set of point clouds: a table of seeds, and what is made of it with one command."""
