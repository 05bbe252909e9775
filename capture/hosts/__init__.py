"""Several recording computers: an agent on each, clocks compared, one start, their recordings merged."""
