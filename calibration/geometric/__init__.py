"""A rig's calibration checked and refined by the surfaces that its depth cameras see together."""
