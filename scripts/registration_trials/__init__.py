"""Simulated takes on which clouds and bodies are measured: validation for tuning, test for what is published."""
