"""The shape of a person from frames that stand still, or from a scan."""
