"""What the colour cameras say about each texel."""
