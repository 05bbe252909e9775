"""Bundle adjustment of board views: cameras, their lenses and the board's places at once, with their covariance."""
