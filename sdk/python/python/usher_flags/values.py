"""What comes back: values with all that is known about them, and how a client stands with its server."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Generic, TypeVar

from ._native.usher_ffi import (
    AttributeValue,
    ConnectionState,
    FlagContext,
    FlagErrorCode,
    FlagsError,
    FlagSource,
    Obstacle,
    StatusReport,
)

__all__ = [
    "ConnectionState",
    "Details",
    "FlagErrorCode",
    "FlagSource",
    "FlagsError",
    "Obstacle",
    "Status",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Details(Generic[T]):
    """A value, and why."""

    value: T
    """The flag's, or the caller's default."""
    variant: str | None
    reason: str
    """In OpenFeature's words: ``STATIC``, ``TARGETING_MATCH``, ``SPLIT``, ``CACHED``, ``STALE``, ``DEFAULT``,
    ``DISABLED``, ``ERROR``; others may come."""
    error_code: FlagErrorCode | None
    """Why it is the caller's default, when it is."""
    error_message: str | None
    source: FlagSource
    age: timedelta | None
    """How long ago the server last confirmed it; none when it never did."""
    as_of: datetime | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class Status:
    """How a client stands with its server."""

    state: ConnectionState
    since: datetime | None
    """While stale: since when."""
    obstacle: Obstacle | None
    """What is in the way, as far as it is known."""
    source: FlagSource
    wants_signed_context: bool = False
    """Another signed context is needed: the one that there is ends within minutes, or is not taken."""
    renewals: int = 0
    """How often another one was asked for: the same need, asked for again, is another status."""
    refuses_key: bool = False
    """The server refuses the key itself, or this version of the library: nothing that the program could say helps. The
    client goes on trying, in case somebody takes that back."""


def details_of(native: Any, value: T) -> Details[T]:
    """The library's details, with a value as Python has it."""
    return Details(
        value=value,
        variant=native.variant,
        reason=native.reason,
        error_code=native.error_code,
        error_message=native.error_message,
        source=native.source,
        age=None if native.age_ms is None else timedelta(milliseconds=native.age_ms),
        as_of=_time(native.as_of_ms),
        metadata={name: _plain(own) for name, own in native.metadata.items()},
    )


def status_of(native: StatusReport) -> Status:
    """The library's report."""
    return Status(
        state=native.state,
        since=_time(native.since_ms),
        obstacle=native.obstacle,
        source=native.source,
        wants_signed_context=native.wants_signed_context,
        renewals=native.renewals,
        refuses_key=native.refuses_key,
    )


def context_of(
    targeting_key: str | None, venue: str | None, attributes: Mapping[str, Any] | None
) -> FlagContext:
    """A context, as the library takes it."""
    own = {name: _attribute(value) for name, value in (attributes or {}).items() if value is not None}
    return FlagContext(targeting_key=targeting_key, venue=venue, attributes=own)


def _time(milliseconds: int | None) -> datetime | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def _plain(value: Any) -> Any:
    if value.is_json():
        return json.loads(value.text)
    return value.values if value.is_texts() else value.text if not hasattr(value, "value") else value.value


def _attribute(value: Any) -> Any:
    kinds: tuple[tuple[type, Callable[[Any], Any]], ...] = (
        # A bool is an int, too.
        (bool, AttributeValue.BOOLEAN),
        (int, _integer),
        (float, AttributeValue.NUMBER),
        (str, AttributeValue.TEXT),
        # Rules compare times by RFC 3339.
        (datetime, lambda own: AttributeValue.TEXT(own.isoformat())),
    )
    for kind, make in kinds:
        if isinstance(value, kind):
            return make(value)
    return AttributeValue.JSON(json.dumps(value, default=str))


def _integer(value: int) -> Any:
    # Beyond 64 bits it is a number like another.
    fits = -(2**63) <= value < 2**63
    return AttributeValue.INTEGER(value) if fits else AttributeValue.NUMBER(float(value))
