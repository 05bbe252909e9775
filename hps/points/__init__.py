"""Human pose and shape from point clouds: the estimator, its training, and the methods it is held against."""
