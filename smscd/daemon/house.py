"""Every room, built and connected."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import Counter
from contextlib import suppress
from typing import Any, NoReturn

import structlog

from smscd.admin import CONTROL_SOCKET
from smscd.admin.commands import Commands
from smscd.admin.control import ControlServer
from smscd.admin.http import AdminHttp, read_token
from smscd.admin.metrics import Metrics
from smscd.admin.modems import ModemCommands
from smscd.admin.optouts import OptOutCommands
from smscd.admin.record import records_of
from smscd.admin.records import Records
from smscd.admission import Esme
from smscd.ancillary import Ancillary
from smscd.clock import Clock, SystemClock
from smscd.config import Config
from smscd.connectors import (
    Connector,
    ConnectorSettings,
    Emulator,
    EsmeConnector,
    ModemSettings,
    SmppSettings,
    Upstream,
)
from smscd.counters import Counters
from smscd.daemon.modems import make_modem
from smscd.daemon.recovery import recover
from smscd.daemon.reservations import Reservations
from smscd.daemon.upkeep import Upkeep
from smscd.errors import ConfigError, StoreBroken, StoreFull
from smscd.gathering import Gathering
from smscd.joining import Joining
from smscd.journey import Journey
from smscd.link import Links, client_context, server_context
from smscd.listener import Binding, Desk, Pump, Reception
from smscd.message import WHOLE, Kind, Message, MessageIds, Stage
from smscd.pdu import MessageState, command_name
from smscd.queueing import NOBODY
from smscd.reports import Reports
from smscd.rerouting import reroute_all
from smscd.routing import Receivers, Ruleset
from smscd.store import SqliteStore
from smscd.text import Alphabet

log = structlog.get_logger("smscd.daemon")

EXIT_BROKEN = 70
"""EX_SOFTWARE of sysexits.h: systemd restarts us, and the start recovers from the log."""
DRAIN = 5.0
"""Seconds that what is under way gets at a stop."""


class House:
    """One smscd. `config` is what it runs with now."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.counters = Counters()
        data_dir = config.smscd.data_dir
        self.records = Records(data_dir / "records", config.records, self.counters.daemon)
        self.store = SqliteStore(
            data_dir / "smscd.db", self.clock, self.counters.store, self._broken, self._closed, self._dropped
        )
        self.store.on_set_aside = self._set_aside
        ids = MessageIds(config.smscd.node_id, config.smscd.message_id)
        self.journey = Journey(
            self.store, ids, self.clock, self.counters, config.retry, config.store.queue_limit, config.opt_out
        )
        self.ancillary = Ancillary(self.journey)
        self.reports = Reports(self.journey, self.ancillary)
        self.binding = Binding(self.clock)
        self.links = Links(self.clock)
        self.upstream_links = Links(self.clock)
        self.links.read_ended = self.upstream_links.read_ended = self.store.read_ended
        self.desk = Desk(
            self.journey, self.ancillary, self.binding, self.counters, self.clock, config.smscd.system_id.encode()
        )
        self.joining = Joining(self.journey, self.ancillary)
        self.gathering = Gathering(self.journey, self.ancillary)
        self.upkeep = Upkeep(self.journey, self.ancillary, config.store)
        self.upkeep.every_second += [self.joining.expire, self.gathering.expire, self.reports.expire]
        self.changing = asyncio.Lock()
        """Held while the house starts, reloads or stops: one after the other."""
        self.receptions: dict[str, Reception] = {}
        self.retired: list[Reception] = []  # closed by a reload; their links live on
        self.control = ControlServer(
            data_dir / CONTROL_SOCKET,
            {
                **Commands(self.journey, self.ancillary, self._sessions, self._identity).table(),
                **OptOutCommands(self.journey).table(),
                **ModemCommands(self.journey).table(),
            },
        )
        self.http: AdminHttp | None = None
        self.admin_tls: ssl.SSLContext | None = None
        self._metrics = Metrics(self.counters)
        self._tasks: list[asyncio.Task[None]] = []
        self._reservations = Reservations(self.store)
        self._retiring: set[asyncio.Task[None]] = set()
        self.departed: dict[str, Emulator] = {}
        """Networks that a reload has taken out of the file: what they have under way still comes to its end."""

    # -- starting ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Recover the store, start every connector, open the doors. Raises ConfigError, OSError or StoreError."""
        recovered = await self.store.open()
        await self.store.make_room()
        ids = self.journey.ids
        self.journey.ids = MessageIds(ids.node_id, ids.notation, recovered.highest_id, recovered.highest_alias)
        self.apply_accounts(self.config)
        await self.upkeep.restore_quotas()
        self.journey.routes = Ruleset(
            self.config.routes, self.config.groups, self.config.route_places, self.journey.load
        )
        await self._start_connectors()
        by_address = any(isinstance(one, SmppSettings) and one.receipts_by_address for one in self.config.connectors)
        with suppress(StoreFull):  # slower without, and no worse
            await self.store.index_recipients(by_address)
        await self.journey.interception.load()
        await recover(self.journey, recovered)
        await self.gathering.take_up(recovered.leased, recovered.highest_id)
        await self.reports.take_up()
        await reroute_all(self.journey)  # what was queued for a connector that the file no longer has
        self.links.start()
        self.upstream_links.start()
        for connector in self.journey.connectors.values():
            await connector.start()
        self._tasks = [
            asyncio.create_task(self.journey.scheduler.run(), name="scheduler"),
            asyncio.create_task(self.upkeep.run(), name="upkeep"),
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended)
        await self.control.start()
        await self._start_admin()
        for settings in self.config.listeners:
            reception = Reception(settings, self.desk, self.links)
            await self.prepare(reception)
            self.receptions[settings.address] = reception
        for reception in self.receptions.values():
            reception.open()
        if self.http is not None:
            self.http.ready()

    async def prepare(self, reception: Reception) -> None:
        """Take its address. Raises ConfigError, which names it."""
        try:
            await reception.prepare()
        except OSError as fault:
            address = reception.settings.address
            raise ConfigError(
                [f"cannot listen on {address}: {fault.strerror}"],
                "stop what has it (`ss -ltnp` shows it), or give another listener.address in a --config FILE",
            ) from fault

    def apply_accounts(self, config: Config) -> None:
        """Make the accounts of `config` those that hold; an account that stays keeps its binds and counters."""
        now = self.clock.monotonic()
        esmes: dict[str, Esme] = {}
        for settings in config.esmes:
            esme = self.binding.esmes.get(settings.system_id)
            if esme is None:
                esme = Esme(settings, self.counters.esme(settings.system_id), config.retry.validity, now)
            else:
                esme.apply(settings, config.retry.validity, now)
            esmes[settings.system_id] = esme
        connectors = {
            name: self.binding.connectors.get(name) or EsmeConnector(name, self.journey, self.clock) for name in esmes
        }
        self.binding.esmes, self.binding.connectors = esmes, connectors
        self.journey.esmes = esmes
        self.journey.receivers = Receivers({settings.system_id: settings.receives for settings in config.esmes})
        networks = {n: c for n, c in self.journey.connectors.items() if not isinstance(c, EsmeConnector)}
        self.journey.connectors = {**networks, **{c.name: c for c in connectors.values()}}

    async def _start_connectors(self) -> None:
        connectors: dict[str, Connector] = dict(self.journey.connectors)
        for settings in self.config.connectors:
            connectors[settings.name] = await self.make_connector(settings)
        self.journey.connectors = connectors

    async def make_connector(self, settings: ConnectorSettings) -> Connector:
        """A connector, not started, which knows what it must remember from before. Raises ConfigError."""
        if isinstance(settings, SmppSettings):
            upstream = Upstream(
                settings, (settings.password or "").encode(), self.upstream_tls(settings), self.journey, self.reports,
                self.upstream_links, self.clock, self.counters.connector(settings.name), self._alphabet_of,
                self.journey.dress,
            )  # fmt: skip
            journey = self.journey
            upstream.is_stopped = lambda message: journey.interception.stops(
                message, journey.esmes.get(message.system_id), upstream, journey.shows(message)
            )
            upstream.on_opted_out = lambda message, why: journey.interception.learn(
                message, journey.shows(message) or upstream.shows, why
            )
            return upstream
        if isinstance(settings, ModemSettings):
            counters = self.counters.connector(settings.name)
            return await make_modem(settings, self.journey, self.reports, self.clock, counters, self._alphabet_of)
        emulator = Emulator(settings, self.journey, self.clock, self._reservations.reserve)
        emulator.begin_at(await self.store.counter(f"arrivals:{settings.name}"))
        return emulator

    @staticmethod
    def upstream_tls(settings: SmppSettings) -> ssl.SSLContext | None:
        """The certificates as they are on disk now. Raises ConfigError."""
        tls = settings.tls
        return client_context(tls.ca, tls.certificate, tls.key, verify=tls.verify) if tls.enabled else None

    def _alphabet_of(self, system_id: str) -> Alphabet:
        esme = self.journey.esmes.get(system_id)
        return esme.settings.default_alphabet if esme is not None else "gsm7"

    def retire(self, connector: Connector) -> None:
        """Let a connector that a reload has taken out of the file finish what it has under way."""
        task = asyncio.create_task(connector.stop(), name=f"retire {connector.name}")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _start_admin(self) -> None:
        settings = self.config.admin
        if settings is None:
            return
        token = read_token(settings.token_file) if settings.token_file else None
        self.admin_tls = server_context(settings.tls) if settings.tls else None
        self.http = AdminHttp(settings.address, self._metrics, tls=self.admin_tls, token=token, refresh=self._refresh)
        await self.http.start()

    # -- stopping ----------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Accept no more, answer what is committed, unbind, write everything down (CONTRACT, "Stop")."""
        if self.http is not None:
            self.http.not_ready("stopping")
        for reception in self.receptions.values():
            await reception.close()
        for link in set(self.links) - set(self._bound_links()):
            link.abort("smscd is stopping")  # nothing was promised to a peer that has not bound
        try:
            async with asyncio.timeout(DRAIN):
                await self.store.committed()
        except TimeoutError:  # the disk is full, or very slow: what is not committed is not answered either
            log.warning("stopping without waiting longer for the disk")
        for link in self._bound_links():
            link.session.unbind(self.clock.monotonic())
            link.flush()
        if not await self.links.gone(DRAIN):
            for link in self.links:
                link.close("smscd is stopping")
            await self.links.gone(1.0)
        connectors: list[Connector] = [*self.journey.connectors.values(), *self.departed.values()]
        await asyncio.gather(*(connector.stop() for connector in connectors), *self._retiring)
        await self.upstream_links.gone(1.0)
        await self.reports.stop()
        await self.joining.stop()
        await self.gathering.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reservations.finish(1.0)
        with suppress(StoreFull):  # the disk is full: the quota of today begins anew
            await self.upkeep.keep_quotas()
        await self.control.stop()
        await self.store.close()
        self.records.close()
        self.links.stop()
        self.upstream_links.stop()
        self.binding.close()
        if self.http is not None:
            await self.http.stop()

    def _broken(self, fault: StoreBroken) -> NoReturn:
        """A sync failed: whether the batch survived is unknown, so nobody is told anything more (RELIABILITY 4)."""
        log.critical("the store is broken: exiting, the next start recovers", why=str(fault))
        os._exit(EXIT_BROKEN)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Without the scheduler nothing that is due would ever leave, and nobody would notice."""
        if not task.cancelled():
            log.critical("a part that must not end has ended: exiting", part=task.get_name(), exc_info=task.exception())
            os._exit(EXIT_BROKEN)

    # -- what the rooms report ---------------------------------------------------------------------------------------

    def _closed(self, closed: list[Message]) -> None:
        """Messages that have just become final, and are committed as such: counted, and recorded."""
        if self.journey.has_wholes:
            closed = [message for message in closed if message.origin != WHOLE]
        alike = Counter([(m.kind, m.system_id, m.connector, m.message_state) for m in closed])
        for (kind, system_id, connector, message_state), messages in alike.items():
            self._count(kind, system_id, connector, message_state, messages)
        self.records.write(records_of(closed))

    def _set_aside(self, connector: str, messages: int) -> None:
        """Rows that waited for `connector` and cannot be read: nobody waits for them any more."""
        self.journey.scheduler.lane(connector).queued -= messages
        self.journey.queued -= messages

    def _dropped(self, dropped: list[Message]) -> None:
        self.journey.dropped(dropped)

    def _count(self, kind: int, system_id: str, connector: str, message_state: int, messages: int) -> None:
        esme = self.counters.esmes.get(system_id)
        delivered = message_state == MessageState.DELIVERED
        if kind == Kind.MT:
            self.counters.connector(connector).closed[message_state] += messages
            if esme is not None:
                esme.closed[message_state] += messages
        elif kind == Kind.MO and connector == NOBODY:  # otherwise a STOP that its ESME is not to see
            self.counters.daemon.mo_unclaimed += messages * (message_state == MessageState.UNDELIVERABLE)
        elif esme is None:
            return
        elif kind == Kind.MO:
            esme.mo_delivered += messages * delivered
            esme.mo_dead += messages * (not delivered)
        else:
            esme.receipts_delivered += messages * delivered
            esme.receipts_dead += messages * (not delivered)

    async def _refresh(self) -> None:
        """Bring the gauges up to date before they are read."""
        for name, connector in self.journey.connectors.items():
            counters, lane = self.counters.connector(name), self.journey.scheduler.lane(name)
            counters.credit = connector.credit()
            counters.queue[int(Stage.QUEUED)] = lane.queued
            counters.queue[int(Stage.LEASED)] = lane.in_flight + lane.reserved
        for system_id, esme in self.counters.esmes.items():
            esme.waiting = self.journey.scheduler.lane(f"esme:{system_id}").queued

    # -- what an operator sees ---------------------------------------------------------------------------------------

    def _pumps(self) -> list[Pump]:
        everywhere = [*self.receptions.values(), *self.retired]
        return [pump for reception in everywhere for pump in reception.pumps]

    def renew_pumps(self) -> None:
        """After a reload: sessions that are bound go on under the settings that their accounts have now."""
        for pump in self._pumps():
            pump.renew()

    def _bound_links(self) -> list[Any]:
        return [pump.link for pump in self._pumps() if pump.link is not None and pump.esme is not None]

    def _identity(self) -> dict[str, Any]:
        settings = self.config.smscd
        return {
            "system_id": settings.system_id,
            "data_dir": str(settings.data_dir),
            "listeners": [{"address": r.settings.address, "port": r.port, "tls": r.settings.tls is not None}
                          for r in self.receptions.values()],
        }  # fmt: skip

    def _sessions(self) -> list[dict[str, Any]]:
        sessions = []
        for pump in self._pumps():
            link, esme = pump.link, pump.esme
            if link is None or esme is None or link.session.bind is None:
                continue
            sessions.append({
                "system_id": esme.system_id,
                "bind": command_name(link.session.bind.command_id).removeprefix("bind_"),
                "peer": link.peer,
                "tls": link.tls,
                "interface_version": f"0x{link.session.interface_version:02x}",
                "window": link.window,
                "owed": link.session.owed,
                "in_flight": link.session.in_flight,
                "since": pump.since,
            })  # fmt: skip
        return sessions
