"""The program: command line, stages and their manifests, evaluation and report."""

__version__ = "0.1.0"
