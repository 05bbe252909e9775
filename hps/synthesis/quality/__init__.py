"""What is wrong with a sample, in words and with its figure; nothing is dropped, the reader chooses."""
