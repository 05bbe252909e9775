"""What `humanrig score` prints and writes."""
