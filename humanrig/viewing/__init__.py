"""`humanrig view`: a session in a browser, in space and over time."""
