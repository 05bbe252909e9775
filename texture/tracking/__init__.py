"""Surfaces that keep one topology over many instants: a template that follows the body, refined to each cloud."""
