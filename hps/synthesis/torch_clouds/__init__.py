"""Point clouds with labels made in torch: many cameras and dressed people at once, on any torch device."""
