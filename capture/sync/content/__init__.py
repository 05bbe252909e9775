"""Synchronisation by what recordings show and sound: motion, light and audio, for clocks that cannot be trusted."""
