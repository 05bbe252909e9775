"""The work of the stage `texture`: reading what the cameras saw, painting instants, one texture for a sequence."""
