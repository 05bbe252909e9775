"""Hostile and damaged files for every importer: what makes them, who reads them, and what became of it."""
