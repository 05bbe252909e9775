"""Poses as a few words of a learned vocabulary (VQ-VAE), and what may stand on a lifter's trunk instead of joints."""
