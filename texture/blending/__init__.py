"""From what single cameras and instants say to one texture."""
