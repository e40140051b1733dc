"""Upstream SMSCs over SMPP: smscd as the ESME.

    correlation   which part a receipt reports on              statuses   what a command_status asks for
    reading       receipts and MO, in every dialect            content    the submit_sm that leaves
    pace          rate and rest                                line       one session, kept alive
    health        is a bound one of use?                       outbind    a session that the upstream begins
    connector     all of them together

It knows SMPP and one upstream; never a store, a route or an account. What comes back goes to `interface.Returns`.
"""

from __future__ import annotations

from smscd.connectors.smpp.connector import Upstream

__all__ = ["Upstream"]
