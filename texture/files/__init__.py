"""Files of surfaces and textures: our own and those of other programs."""
