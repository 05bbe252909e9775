"""The surface of a person: the dressed body, free-form surfaces from depth, and what tells one from the other."""
