"""Videos of a reconstructed session, for a talk: people turning while they move, and bodies over the pictures."""
