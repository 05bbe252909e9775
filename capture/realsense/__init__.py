"""Intel RealSense units of the D400 family: live, from recordings, and what their SDK says of them."""
