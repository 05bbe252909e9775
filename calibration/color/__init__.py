"""What makes the colours of a rig's cameras alike: a matrix each, from a shared board or from overlaps."""
