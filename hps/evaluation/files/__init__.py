"""Files of other people's data sets and evaluations: a reader and a writer for each format."""
