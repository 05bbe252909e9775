"""Recordings: the session on disk, importers of other tools' files, and the virtual rig."""
