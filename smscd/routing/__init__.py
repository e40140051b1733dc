"""Rules as data: the first match wins, and explain() says why."""
