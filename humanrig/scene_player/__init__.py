"""The scene that plays inside a page: what is packed into it, small enough to be mailed."""
