"""What of this computer and of this installation works: each part is tried, and says how to mend it."""
