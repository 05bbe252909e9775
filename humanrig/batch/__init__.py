"""Many sessions at once: what is asked, who does it, how it stands, and what came of it."""
