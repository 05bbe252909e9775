"""Labelled point clouds of scenes without drawing pictures: depth, the sensor's errors, points of people, labels."""
