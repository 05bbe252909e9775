"""Which face each pixel of a distorted camera sees, drawn anew many times a second, and the exact depth there."""
