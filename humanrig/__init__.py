"""The program: command line, stages and their manifests, evaluation and report."""

import os

__version__ = "0.1.0"

# The program works in parallel by processes and threads of its own, on small matrices. Libraries that spin up threads
# for each product made a fit three to four times slower (OpenBLAS, two shared cores); who sets the variable decides.
os.environ.setdefault("OMP_NUM_THREADS", "1")
