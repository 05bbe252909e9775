"""One file for each stage of `humanrig reconstruct`."""
