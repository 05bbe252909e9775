"""The surfaces of a take: how each person's are made of bodies, clouds and scans, and written segment by segment."""
