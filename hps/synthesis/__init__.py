"""The data factory: training sets of simulated people with exact labels, made from a table of scenes."""
