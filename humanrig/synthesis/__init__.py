"""Data sets made by the virtual rig: what the program adds to `hps.synthesis`."""
