"""Scenes made ready to be drawn: people dressed and posed, things at their places, the room behind them."""
