"""One file for each command; heavy imports happen inside the functions, so that `--help` is quick."""
