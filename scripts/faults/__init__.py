"""Faults on purpose: a process that dies, or whose disk fails, at a chosen change of a folder."""
