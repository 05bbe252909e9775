"""Synchronisation: clocks fitted to each other, the pulse of wired devices, frames of free ones, checks by content."""
