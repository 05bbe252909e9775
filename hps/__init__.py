"""Human pose and shape: error measures against ground truth."""
