"""Which pixels show which person."""
