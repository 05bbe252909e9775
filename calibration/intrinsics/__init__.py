"""A camera's lens from views of a board: how far they determine it, and when the factory's numbers are better."""
