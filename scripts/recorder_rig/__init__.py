"""Virtual rigs for the trials and benchmarks of the recorder."""
