"""`humanrig estimate rgb`: people in photographs, videos and colour streams."""
