"""What a data set shows, told in figures and pictures: statistics, a sheet of samples, one page."""
