"""Accepts ESMEs and hands their PDUs to the journey."""
