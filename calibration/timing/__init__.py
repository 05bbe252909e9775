"""When each row of a camera's image was exposed, read off a moving board."""
