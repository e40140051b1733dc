"""SIGHUP: the file again, all of it or none of it. Sessions that are not affected stay bound."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from ssl import SSLContext

import structlog

from smscd import config as configuration
from smscd import logs
from smscd.admin.http import read_token
from smscd.background import in_background
from smscd.config import Config
from smscd.connectors import Connector, Emulator, EmulatorSettings, EsmeConnector, Modem, Upstream
from smscd.daemon import systemd
from smscd.daemon.house import House
from smscd.daemon.recovery import take_up
from smscd.errors import ConfigError, SmscdError
from smscd.link import renew_certificate, server_context
from smscd.listener import Reception
from smscd.rerouting import reroute_all
from smscd.routing import Ruleset

log = structlog.get_logger("smscd.daemon")


async def reload(house: House, path: Path | None, *, keep_data_dir: bool = False) -> None:
    """Read `path` and make it hold; a fault in it changes nothing and is logged as `smscd check` would print it.

    `keep_data_dir`: the one we run on was given on the command line and goes before what the file says.
    """
    if path is None:
        log.warning("nothing to reload: running without a configuration file")
        return
    async with house.changing:
        systemd.reloading()
        try:
            new = await in_background(configuration.load, path)  # ten thousand routes take seconds to read
            if keep_data_dir:
                new.smscd.data_dir = house.config.smscd.data_dir
            await apply(house, new)
        except ConfigError as fault:
            for line in fault.faults:
                log.error("reload refused, nothing changed", finding=line)
        except (SmscdError, OSError) as fault:
            log.error("reload refused, nothing changed", why=str(fault))
        finally:
            systemd.ready()


async def apply(house: House, new: Config) -> None:
    """Open what has to be opened first, then swap everything at once."""
    changes = await in_background(configuration.diff, house.config, new)
    fixed = [str(change) for change in changes if change.needs_restart]
    if fixed:
        raise ConfigError([f"{line}: only a restart can change this" for line in fixed])
    _renew_admin_certificate(house, new)
    routes = await in_background(Ruleset, new.routes, new.groups, new.route_places, house.journey.load)
    contexts = {
        settings.address: server_context(settings.tls) for settings in new.listeners if settings.tls is not None
    }
    token = read_token(new.admin.token_file) if new.admin and new.admin.token_file else None
    opened = await _open_doors(house, new)
    try:
        connectors = await _new_connectors(house, new)
    except BaseException:
        await _shut(opened)
        raise
    optout = await house.journey.interception.prepare(new.opt_out)
    # from here on nothing can fail
    house.config = new
    house.journey.interception.use(optout, new.opt_out)
    logs.configure(new.smscd.log_format, new.smscd.log_level)
    house.journey.retry = new.retry
    house.journey.queue_limit = new.store.queue_limit
    house.journey.ids.notation = new.smscd.message_id
    house.upkeep.remembers = new.store
    house.desk.system_id = new.smscd.system_id.encode()
    removed = set(house.binding.esmes) - {settings.system_id for settings in new.esmes}
    before = house.journey.connectors
    leaving = [house.binding.connectors[system_id] for system_id in removed]
    _swap_connectors(house, new, connectors)
    house.apply_accounts(new)
    house.renew_pumps()
    house.journey.routes = routes
    if house.http is not None:
        house.http.use_token(token)
    await _swap_doors(house, new, opened, contexts)
    for connector in leaving:
        for link in connector.links:
            link.session.unbind(house.clock.monotonic())
            link.flush()
    await _change_upstreams(house, before, connectors)
    for name in house.journey.connectors:
        house.journey.has_credit(name)
    for name, made in connectors.items():
        if not made.provider:  # what a provider answered waits in the store for its receipt
            await take_up(house.journey, name)
    for change in changes:
        log.info("reloaded", change=str(change))
    if not changes:
        log.info("reloaded", change="nothing but certificates")


def _renew_admin_certificate(house: House, new: Config) -> None:
    """The HTTP address shows its certificate as it is on disk now. Raises ConfigError; then the old one stays."""
    before, after = house.config.admin, new.admin
    if before is None or after is None:
        return
    if (before.tls and before.tls.client_ca) != (after.tls and after.tls.client_ca) or bool(before.tls) != bool(
        after.tls
    ):
        raise ConfigError(["admin: tls begins, ends or asks for other certificates: only a restart can change this"])
    if house.admin_tls is not None and after.tls is not None:
        server_context(after.tls)  # both files fit each other, before either takes effect
        renew_certificate(house.admin_tls, after.tls)


async def _change_upstreams(house: House, before: Mapping[str, Connector], made: Mapping[str, Connector]) -> None:
    """Those that came begin to bind, those that went finish what is under way; what waits for them goes elsewhere."""
    for name, connector in before.items():
        if isinstance(connector, Upstream | Modem) and house.journey.connectors.get(name) is not connector:
            house.retire(connector)
    for connector in made.values():
        await connector.start()
    await reroute_all(house.journey)


async def _open_doors(house: House, new: Config) -> dict[str, Reception]:
    """Receptions for addresses that are new, each holding its address already; none if one cannot be had."""
    opened: dict[str, Reception] = {}
    try:
        for settings in new.listeners:
            if settings.address not in house.receptions:
                reception = Reception(settings, house.desk, house.links)
                await house.prepare(reception)
                opened[settings.address] = reception
    except BaseException:
        await _shut(opened)
        raise
    return opened


async def _shut(opened: dict[str, Reception]) -> None:
    """Give the addresses back: a reload that is refused must not stand in the way of the next."""
    for reception in opened.values():
        await reception.close()


async def _swap_doors(house: House, new: Config, opened: dict[str, Reception], contexts: dict[str, SSLContext]) -> None:
    wanted = {settings.address: settings for settings in new.listeners}
    for address in list(house.receptions):
        if address in wanted:
            house.receptions[address].renew(wanted[address], contexts.get(address))
        else:
            await house.receptions[address].close()
            house.retired.append(house.receptions.pop(address))
    for address, reception in opened.items():
        house.receptions[address] = reception
        reception.open()


async def _new_connectors(house: House, new: Config) -> dict[str, Connector]:
    """The connectors that are not there yet, or not like this; not started. The others look at their certificates."""
    made: dict[str, Connector] = {}
    for settings in new.connectors:
        existing = house.journey.connectors.get(settings.name) or house.departed.get(settings.name)
        if isinstance(existing, Upstream) and existing.settings == settings:
            existing.renew(house.upstream_tls(existing.settings))
        elif isinstance(existing, Modem) and existing.settings == settings:
            continue
        elif not (isinstance(existing, Emulator) and isinstance(settings, EmulatorSettings)):
            made[settings.name] = await house.make_connector(settings)
    return made


def _swap_connectors(house: House, new: Config, made: dict[str, Connector]) -> None:
    """Those that stay take over their new settings; those of accounts follow with the accounts.

    A network that was removed from the file finishes what it has under way; nothing new is routed to it.
    """
    before = house.journey.connectors
    after = {name: connector for name, connector in before.items() if isinstance(connector, EsmeConnector)} | made
    for settings in new.connectors:
        existing = before.get(settings.name) or house.departed.get(settings.name)
        if isinstance(existing, Emulator) and isinstance(settings, EmulatorSettings):
            existing.apply(settings)
            after[settings.name] = existing
            house.departed.pop(settings.name, None)
        elif isinstance(existing, Upstream | Modem) and settings.name not in made:
            after[settings.name] = existing
    for name in before.keys() - after.keys():
        gone = before[name]
        if isinstance(gone, Emulator):
            house.departed[name] = gone
        if waiting := house.journey.scheduler.lane(name).queued:
            log.warning("messages wait for a connector that was removed", connector=name, queued=waiting)
    house.journey.connectors = after
