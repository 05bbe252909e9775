"""Bodies from colour and depth together."""
