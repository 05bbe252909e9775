"""Taking takes: the flow from countdown to verdict, and what the terminal shows of it."""
