"""Motion clips: read from files of others, resampled, looped and put on a body that stands on the floor."""
