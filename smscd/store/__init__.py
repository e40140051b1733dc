"""Durability: one interface, SQLite by default."""
