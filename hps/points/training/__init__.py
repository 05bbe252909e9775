"""Training of networks on packed clouds."""
