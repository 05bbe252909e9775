"""Benchmarks as the program runs them: which methods take part, and the page that tells what was found."""
