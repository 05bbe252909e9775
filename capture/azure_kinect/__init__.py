"""Azure Kinect, live, through the C libraries of its SDK."""
