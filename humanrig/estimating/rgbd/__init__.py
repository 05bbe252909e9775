"""`humanrig estimate rgbd`: people in pictures with depth beside them."""
