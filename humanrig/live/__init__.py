"""The rig seen live: what a terminal and a web page show of it, and what they may ask of it."""
