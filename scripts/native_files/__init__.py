"""What other programs read from the files that a session's recordings are exported to, beside what was recorded."""
