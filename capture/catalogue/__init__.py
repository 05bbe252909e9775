"""The catalogue of a study: what is done before the rig (actions) and who does it (subjects, by number alone)."""
