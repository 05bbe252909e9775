"""Whether a body that was found in a cloud should be used, and why not."""
