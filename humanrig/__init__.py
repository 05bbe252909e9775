"""The program: command line, stages and their manifests, evaluation and report."""
