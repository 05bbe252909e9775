"""Whether two ways to make point clouds can be told apart: simple classifiers trained to do just that."""
