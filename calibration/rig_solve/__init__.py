"""Solving a rig: from boards that its cameras saw to all cameras in one world, and how far each can be trusted."""
