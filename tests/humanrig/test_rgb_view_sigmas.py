"""How sure joints are across a view and along it, against covariances that were built so."""

import numpy as np

from humanrig.estimating.rgb.figures import view_sigmas_mm


def test_the_two_are_those_that_a_covariance_was_made_of() -> None:
    rng = np.random.default_rng(0)
    center = np.array([1.0, -2.0, 0.5])
    joints = center + rng.normal(size=(3, 24, 3)) + [0.0, 0.0, 5.0]
    ray = joints - center
    ray = (ray / np.linalg.norm(ray, axis=-1, keepdims=True))[..., None]
    onto = ray @ ray.swapaxes(-1, -2)
    covariance = 0.02**2 * (np.eye(3) - onto) + 0.7**2 * onto
    across, along = view_sigmas_mm(joints, covariance, center)
    np.testing.assert_allclose(across, 20.0, rtol=1e-9)
    np.testing.assert_allclose(along, 700.0, rtol=1e-9)
