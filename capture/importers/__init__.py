"""Sessions from recordings that other tools made."""
