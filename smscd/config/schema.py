"""The sections of the file, and the pydantic models derived from the settings dataclasses behind them.

A key is spelled once, in the dataclass of the room that owns it; here it only gains a validator.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, Any, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

from smscd.admin.settings import AdminSettings, RecordsSettings
from smscd.admission.settings import EsmeSettings
from smscd.config.fault import HIDDEN, Fault, Path, nearest, value_text
from smscd.config.key import Key, keys
from smscd.config.settings import SmscdSettings
from smscd.connectors.settings import ConnectorSettings, EmulatorSettings, ModemSettings, SmppSettings
from smscd.listener.settings import ListenerSettings
from smscd.optout.settings import OptOutSettings
from smscd.routing.settings import GroupSettings, RouteSettings
from smscd.scheduler.settings import RetrySettings
from smscd.store.settings import StoreSettings


@dataclass(slots=True)
class Config:
    """A whole configuration: what every room needs, checked."""

    smscd: SmscdSettings = field(default_factory=SmscdSettings)
    listeners: list[ListenerSettings] = field(default_factory=list)
    esmes: list[EsmeSettings] = field(default_factory=list)
    connectors: list[ConnectorSettings] = field(default_factory=list)
    groups: list[GroupSettings] = field(default_factory=list)
    routes: list[RouteSettings] = field(default_factory=list)
    retry: RetrySettings = field(default_factory=RetrySettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    records: RecordsSettings = field(default_factory=RecordsSettings)
    opt_out: OptOutSettings | None = None
    admin: AdminSettings | None = None
    route_places: list[str] = field(default_factory=list, compare=False)
    """Where each of `routes` stands: "smscd.toml:45"."""
    warnings: list[str] = field(default_factory=list)
    """What `smscd check` would warn of, one line each."""


@dataclass(slots=True, frozen=True)
class Section:
    """One table of the file, or one array of tables; `kinds` by the word in its key `kind`, "" where it has none."""

    name: str
    attribute: str
    kinds: dict[str, type[Any]]
    is_array: bool = False
    name_key: str = ""
    needs_restart: bool = False
    """Whether a running process can neither begin nor end with it."""

    @property
    def header(self) -> str:
        """`[name]`, or `[[name]]` for an array of tables."""
        return f"[[{self.name}]]" if self.is_array else f"[{self.name}]"


SECTIONS = (
    Section("smscd", "smscd", {"": SmscdSettings}),
    Section("listener", "listeners", {"": ListenerSettings}, is_array=True, name_key="address"),
    Section("esme", "esmes", {"": EsmeSettings}, is_array=True, name_key="system_id"),
    Section(
        "connector",
        "connectors",
        {"emulator": EmulatorSettings, "smpp": SmppSettings, "modem": ModemSettings},
        is_array=True,
        name_key="name",
    ),
    Section("group", "groups", {"": GroupSettings}, is_array=True, name_key="name"),
    Section("route", "routes", {"": RouteSettings}, is_array=True),
    Section("retry", "retry", {"": RetrySettings}),
    Section("store", "store", {"": StoreSettings}),
    Section("records", "records", {"": RecordsSettings}),
    Section("opt_out", "opt_out", {"": OptOutSettings}),
    Section("admin", "admin", {"": AdminSettings}, needs_restart=True),
)
"""In the order in which the reference explains them."""

_SECRETIVE = re.compile(r"pas+w|secret|token|pin|hash", re.IGNORECASE)
"""What an unknown key is called when its value is better not shown."""

_WHAT = {
    "missing": "is missing",
    "extra_forbidden": "unknown key",
    "literal_error": "is none of the words it may be",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_type": "is not a number",
    "bool_type": "is neither true nor false",
    "string_type": "is not a string",
    "list_type": "is not a list",
    "dict_type": "is not a table",
    "model_type": "is not a table",
    "finite_number": "is not a finite number",
}


@dataclass(slots=True)
class Parsed:
    """What the file gave: the settings, each table with its path, and the faults of what cannot be used."""

    config: Config = field(default_factory=Config)
    paths: dict[int, Path] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unusable: set[Path] = field(default_factory=set)
    """Keys that were written and have a fault: their settings stand at the default, which says nothing."""

    def path_of(self, settings: object) -> Path:
        """Where the table behind a settings object of `config` stands."""
        return self.paths.get(id(settings), ())


def parse(document: dict[str, Any]) -> Parsed:
    """Map a TOML document onto the settings; unknown keys, wrong types and bounds become faults, all of them."""
    parsed = Parsed()
    by_name = {section.name: section for section in SECTIONS}
    for name, content in document.items():
        section = by_name.get(name)
        if section is None:
            close = nearest(name, by_name)
            parsed.faults.append(
                Fault("unknown section", (name,), allowed="" if close else ", ".join(by_name), nearest=close)
            )
        else:
            _parse_section(section, content, parsed)
    return parsed


def _parse_section(section: Section, content: Any, parsed: Parsed) -> None:
    path: Path = (section.name,)
    tables = content if section.is_array else [content]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        what = "is not an array of tables" if section.is_array else "is not a table"
        parsed.faults.append(Fault(what, path, allowed=section.header))
        return
    found = []
    for index, table in enumerate(tables):
        table_path = (*path, index) if section.is_array else path
        settings = _parse_table(section, table, table_path, parsed)
        if settings is not None:
            parsed.paths[id(settings)] = table_path
            found.append(settings)
    if section.is_array:
        setattr(parsed.config, section.attribute, found)
    elif found:
        setattr(parsed.config, section.attribute, found[0])


def _parse_table(section: Section, table: dict[str, Any], path: Path, parsed: Parsed) -> Any:
    kind = table.get("kind", "") if "" not in section.kinds else ""
    settings = section.kinds.get(kind) if isinstance(kind, str) else None
    if settings is None:
        parsed.faults.append(_no_kind(section, table, path))
        return None
    try:
        return _built(settings, model(settings).model_validate(table))
    except ValidationError as error:
        parsed.faults.extend(_fault(settings, path, details) for details in error.errors(include_url=False))
    return _what_is_sound(settings, table, path, parsed)


def _no_kind(section: Section, table: dict[str, Any], path: Path) -> Fault:
    allowed = " | ".join(section.kinds)
    if "kind" not in table:
        return Fault("is missing", (*path, "kind"), allowed=allowed)
    kind = table["kind"]
    close = nearest(str(kind), section.kinds)
    what = f"is no kind of {section.name}"
    return Fault(what, (*path, "kind"), value=_shown(kind, None), allowed=allowed, nearest=close)


def _what_is_sound(settings: type[Any], table: dict[str, Any], path: Path, parsed: Parsed) -> Any:
    """The table without its faulty keys, so that what is wrong between the others shows at the same time; or None."""
    rest = copy.deepcopy(table)
    gone: set[Path] = set()
    while () not in gone:  # each round deletes a key at least
        try:
            settled = _built(settings, model(settings).model_validate(rest))
        except ValidationError as error:
            for details in error.errors(include_url=False):
                if not any(details["loc"][:length] in gone for length in range(1, len(details["loc"]))):
                    gone.add(_remove(rest, details["loc"]))
        else:
            parsed.unusable.update(path + key for key in gone)
            return settled
    return None


def _remove(table: dict[str, Any], loc: Path) -> Path:
    """Delete the innermost key of `loc` that is there and say which; () if the first one is missing already."""
    way: list[tuple[dict[str, Any], str, Path]] = []
    inner: Any = table
    for at, step in enumerate(loc):
        if isinstance(inner, dict) and isinstance(step, str):
            if step not in inner:
                break
            way.append((inner, step, loc[: at + 1]))
        elif not isinstance(inner, list) or not isinstance(step, int) or step >= len(inner):
            break
        inner = inner[step]
    if not way:
        return ()
    container, key, path = way[-1]
    del container[key]
    return path


def _built(settings: type[Any], validated: BaseModel) -> Any:
    """The plain dataclass of a validated model, sub-tables included."""
    values = {}
    for name, key in keys(settings).items():
        value = getattr(validated, name)
        table = key.table
        if table is not None and isinstance(value, BaseModel):
            value = _built(table, value)
        elif table is not None and isinstance(value, list):
            value = [_built(table, one) for one in value]
        values[name] = value
    return settings(**values)


_models: dict[type[Any], type[BaseModel]] = {}


def model(settings: type[Any]) -> type[BaseModel]:
    """The pydantic model of a settings dataclass: strict types, and unknown keys are errors."""
    if settings not in _models:
        fields: dict[str, Any] = {name: (_annotation(key), _field_default(key)) for name, key in keys(settings).items()}
        strict = ConfigDict(extra="forbid", strict=True)
        _models[settings] = create_model(settings.__name__, __config__=strict, **fields)
    return _models[settings]


def _field_default(key: Key) -> Any:
    if key.required:
        return ...
    if dataclasses.is_dataclass(key.default) and key.table is not None:
        return model(key.table)()
    return key.default


def _annotation(key: Key) -> Any:
    """What pydantic checks for one key; the notation of the key reads first, its bounds come last."""
    annotation = _bare_annotation(key)
    if key.octets is not None or key.between is not None:
        annotation = Annotated[annotation, AfterValidator(partial(_within, key))]
    if key.notation is not None:
        annotation = Annotated[annotation, BeforeValidator(key.notation.read)]
    return annotation | None if key.optional else annotation


def _bare_annotation(key: Key) -> Any:
    origin = get_origin(key.type)
    item = key.item
    if origin is list and item is not None:
        return list[_annotation(item)]  # type: ignore[misc]  # built from the dataclass while running
    if origin is dict and item is not None:
        return dict[str, _annotation(item)]  # type: ignore[misc]  # likewise
    if key.table is not None:
        return model(key.table)
    if key.type is FilePath:
        return Annotated[FilePath, BeforeValidator(_path)]
    return key.type


def _path(raw: object) -> FilePath:
    if not isinstance(raw, str) or not raw or "\0" in raw:
        raise ValueError("is not a path")
    return FilePath(raw)


def _within(key: Key, value: Any) -> Any:
    if key.octets is not None:
        length = len(value.encode())
        if not key.octets.least <= length <= key.octets.most:
            raise ValueError("is empty" if not length else f"is {length} octets long")
    if key.between is not None:
        low, high = key.between.low, key.between.high
        if math.isnan(value):  # TOML has nan, which is neither less nor greater than any bound
            raise ValueError("is not a number")
        if low is not None and value < low:
            raise ValueError("is too small")
        if high is not None and value > high:
            raise ValueError("is too large")
    return value


def _fault(settings: type[Any], base: Path, details: ErrorDetails) -> Fault:
    """One pydantic error in our words; `loc` is walked along the dataclasses to the key that it is about."""
    path, key, known = _found(settings, details["loc"])
    kind = details["type"]
    context = details.get("ctx", {})
    what = str(context["error"]) if kind == "value_error" else _WHAT.get(kind, details["msg"])
    value = None if kind == "missing" else _shown(details["input"], key)
    if kind == "extra_forbidden":
        word = str(path[-1])
        close = nearest(word, known)
        hidden = _SECRETIVE.search(word) or _SECRETIVE.search(close)
        value = HIDDEN if hidden else value
        return Fault(what, base + path, value=value, allowed="" if close else ", ".join(known), nearest=close)
    close = nearest(details["input"], key.choices) if key and isinstance(details["input"], str) else ""
    return Fault(what, base + path, value=value, allowed=key.allowed if key else "", nearest=close)


def _shown(value: object, key: Key | None) -> str:
    """The value as a fault may show it: neither a secret nor a table, which may hold one."""
    if key is not None and key.secret:
        return HIDDEN
    if isinstance(value, dict):
        return "{…}"
    return key.write(value) if key is not None and isinstance(value, float) else value_text(value)


def _found(settings: type[Any], loc: tuple[int | str, ...]) -> tuple[Path, Key | None, tuple[str, ...]]:
    """The path of `loc` in the file, the key it leads to, and the keys known beside it."""
    path: list[int | str] = []
    table: type[Any] | None = settings
    key: Key | None = None
    known: tuple[str, ...] = ()
    for step in loc:
        if isinstance(step, str) and table is not None:
            known = tuple(keys(table))
            key = keys(table).get(step)
            table = key.table if key else None
        elif key is not None and key.item is not None:
            key = key.item
        path.append(step)
    return tuple(path), key, known


def tables(config: Config) -> Iterator[tuple[Section, Any]]:
    """Every settings object of `config` with the section it belongs to."""
    for section in SECTIONS:
        content = getattr(config, section.attribute)
        for settings in content if section.is_array else [content]:
            if settings is not None:
                yield section, settings


def names_written(document: dict[str, Any], section: str, key: str) -> Iterator[tuple[int, str]]:
    """The names that an array of tables gives, with their indices, whether or not the rest of each table is sound."""
    content = document.get(section)
    for index, table in enumerate(content if isinstance(content, list) else []):
        name = table.get(key) if isinstance(table, dict) else None
        if isinstance(name, str):
            yield index, name
