"""Pictures of staged scenes: colour, and the depth that a sensor would measure."""
