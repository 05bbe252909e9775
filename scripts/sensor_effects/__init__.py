"""Measures what each simulated sensor effect does, for tables beside the published figures."""
