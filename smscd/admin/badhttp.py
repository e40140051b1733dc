"""aiohttp reports a request that is no HTTP, or one cut short, as an error of ours, with its octets and a traceback."""

from __future__ import annotations

import logging

from aiohttp.http import HttpProcessingError
from aiohttp.web import RequestPayloadError

_THEIRS = (HttpProcessingError, RequestPayloadError, ConnectionError)


class _OnlyOurFaults(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], _THEIRS))


def server_logger() -> logging.Logger:
    """The logger for aiohttp's server: the sender of garbage is answered 400 and gets no line in the log.

    Anybody who reaches the port could fill the disk otherwise, and what a line quotes may be a token.
    """
    logger = logging.getLogger("smscd.admin.http")
    if not logger.filters:
        logger.addFilter(_OnlyOurFaults())
    return logger
