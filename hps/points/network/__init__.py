"""The network that finds landmarks in a cloud, in plain torch."""
