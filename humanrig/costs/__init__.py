"""What a reconstruction costs: seconds, memory and disk of every stage, from measurements."""
