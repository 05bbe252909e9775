"""What the stage `register` reads for each person, and how it tells what came out."""
