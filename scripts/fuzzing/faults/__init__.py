"""Ways to damage a file, and to make a hostile one."""
