"""Boards in images: found, refined below a pixel, gathered over a session, guessed where the description is wrong."""
