"""Bodies from clouds alone: files and sessions in, bodies, GLB and pictures out."""
