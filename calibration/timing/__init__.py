"""When each row of a camera's image is exposed."""
