"""Phones: the agent, its server and driver, and what a phone says with each frame."""
