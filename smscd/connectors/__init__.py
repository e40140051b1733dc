"""The ways out: a bound ESME, an emulated network, an upstream SMSC, a GSM modem.

A connector takes messages that the journey hands to it while it has credit, and tells the journey what became of them.
It knows its own protocol and peers. It must never know routes, accounts or the store.
"""

from __future__ import annotations

from smscd.connectors.emulator import Emulator
from smscd.connectors.esme import EsmeConnector
from smscd.connectors.interface import AnswerReports, Connector, News, Reporting, Returns
from smscd.connectors.modem.connector import Modem
from smscd.connectors.settings import Behaviour, ConnectorSettings, EmulatorSettings, ModemSettings, SmppSettings
from smscd.connectors.smpp import Upstream

__all__ = [
    "AnswerReports", "Behaviour", "Connector", "ConnectorSettings", "Emulator", "EmulatorSettings", "EsmeConnector",
    "Modem", "ModemSettings", "News", "Reporting", "Returns", "SmppSettings", "Upstream",
]  # fmt: skip
