"""smscd: an SMS centre in one process. Start reading at `journey.py`."""

__version__ = "0.1.0"
