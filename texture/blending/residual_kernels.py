"""Passes over all texels of an instant's difference to its sequence (numba); tests/texture/test_residual.py has them in
numpy."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def add_means(face, bary, faces, colors, base, weight, half, every, mean, share, places):
    """Adds each trusted difference to its three vertices, by its place in the face."""
    for i in range(0, len(face), every):
        trust = weight[i] / (weight[i] + half)
        for k in range(3):
            v, b = faces[face[i], k], bary[i, k]
            places[v] += b
            if trust > 0:
                share[v] += b * trust
                for c in range(3):
                    mean[v, c] += b * trust * (np.float32(colors[i, c]) - np.float32(base[i, c]))


@nb.njit(cache=True, nogil=True)
def add_energies(face, bary, faces, colors, base, weight, half, every, mean, energy):
    """Adds the square of what the vertices' means leave of each difference."""
    for i in range(0, len(face), every):
        if weight[i] <= 0:
            continue
        trust = weight[i] / (weight[i] + half)
        square = np.float32(0)
        p, q, r = faces[face[i], 0], faces[face[i], 1], faces[face[i], 2]
        for c in range(3):
            around = bary[i, 0] * mean[p, c] + bary[i, 1] * mean[q, c] + bary[i, 2] * mean[r, c]
            left = np.float32(colors[i, c]) - np.float32(base[i, c]) - around
            square += left * left
        for k in range(3):
            energy[faces[face[i], k]] += bary[i, k] * trust * square / np.float32(3)


@nb.njit(cache=True, nogil=True)
def compose(face, bary, faces, colors, base, weight, half, mean, keep_mean, keep_rest, result):
    """The base, the kept part of the vertices' means, and the kept part of what they leave."""
    for i in range(len(face)):
        trust = weight[i] / (weight[i] + half)
        p, q, r = faces[face[i], 0], faces[face[i], 1], faces[face[i], 2]
        a, b, c = bary[i, 0], bary[i, 1], bary[i, 2]
        fine = a * keep_rest[p] + b * keep_rest[q] + c * keep_rest[r]
        for k in range(3):
            around = a * mean[p, k] + b * mean[q, k] + c * mean[r, k]
            coarse = a * keep_mean[p] * mean[p, k] + b * keep_mean[q] * mean[q, k] + c * keep_mean[r] * mean[r, k]
            value = np.float32(base[i, k])
            value += coarse
            if trust > 0:
                value += trust * fine * (np.float32(colors[i, k]) - np.float32(base[i, k]) - around)
            result[i, k] = int(min(max(value, np.float32(0)), np.float32(255)) + np.float32(0.5))
