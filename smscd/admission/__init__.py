"""May this message come in: who speaks, how much, and with which fields."""
