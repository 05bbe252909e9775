"""Draws what a data set shows: people and their clothes, who plays where, motions, places, cameras."""
