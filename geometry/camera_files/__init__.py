"""Files that hold cameras: ours, and those of other tools, turned once into our axes and units."""
