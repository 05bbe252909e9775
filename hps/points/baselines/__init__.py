"""Methods that the estimator is held against: each takes part in the benchmark like any other."""
