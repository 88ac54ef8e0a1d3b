"""A provider for OpenFeature's Python SDK: ``api.set_provider(UsherProvider(client))``.

Values are for the one context that the client asks for, as on a phone. An evaluation whose context says something else
gets the caller's default, with ``INVALID_CONTEXT``: an answer for somebody else would be a wrong one. For a backend that
asks for many there is Usher's OFREP, with ``openfeature-provider-ofrep``.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, EventHandler, ProviderEvent, ProviderEventDetails
from openfeature.exception import ErrorCode, ProviderFatalError, ProviderNotReadyError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata
from openfeature.track import TrackingEventDetails

from .client import FlagsClient, Subscription
from .values import ConnectionState, Details, FlagSource, Status

T = TypeVar("T")

_NAME = "usher"


class UsherProvider(AbstractProvider):
    """Answers from a client, which it closes when it is shut down. It is ready with the server's newest values, stale with
    those of a cache, a bootstrap or from before the server was lost, and in error with none at all.

    :param client: the client.
    :param targeting_key: the targeting key that the client asks for, where evaluations name one.
    :param attributes: likewise what else they may say: `venue` and other attributes.
    :param patience: how many seconds it may take to get ready, where there is nothing on disk and no bootstrap.
    """

    def __init__(
        self,
        client: FlagsClient,
        targeting_key: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        patience: float = 5.0,
    ) -> None:
        super().__init__()
        self._patience = patience
        self._settled = threading.Event()
        # Held while it is told how the client stands, so that the last that is told is how it does.
        self._telling = threading.Lock()
        self._client = client
        self._targeting_key = targeting_key
        self._attributes = dict(attributes or {})
        self._subscriptions: list[Subscription] = []
        # What the API calls a provider once it has begun, whatever was told meanwhile.
        self._handlers: list[tuple[ProviderEvent, EventHandler]] = [
            (event, functools.partial(self._called, event))
            for event in (ProviderEvent.PROVIDER_READY, ProviderEvent.PROVIDER_ERROR)
        ]

    def get_metadata(self) -> Metadata:
        return Metadata(name=_NAME)

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Asks for the context that is set for the whole API, if there is one, and waits until there is anything to
        answer from.

        :raises ProviderNotReadyError: nothing came; the API is told once something does.
        :raises ProviderFatalError: nothing will, for the server refuses the key; likewise.
        """
        self._leave()
        if evaluation_context.targeting_key or evaluation_context.attributes:
            self.set_context(evaluation_context)
        # Before it is looked at: what comes later is to be heard, also after this has failed.
        self._subscriptions = [self._client.on_change(self._changed), self._client.on_status(self._status)]
        for event, handler in self._handlers:
            api.add_handler(event, handler)
        status = self._client.status
        if status.source == FlagSource.NOTHING and not status.refuses_key:
            self._settled.wait(self._patience)
            status = self._client.status
        if status.source == FlagSource.NOTHING:
            message = _standing(status)[1].message
            raise ProviderFatalError(message) if status.refuses_key else ProviderNotReadyError(message)

    def set_context(self, context: EvaluationContext) -> None:
        """Asks for somebody else, or somewhere else, from now on."""
        attributes = dict(context.attributes)
        venue = attributes.pop("venue", None)
        self._client.set_context(context.targeting_key, venue=venue, attributes=attributes)
        self._targeting_key, self._attributes = context.targeting_key, dict(context.attributes)

    def shutdown(self) -> None:
        self._leave()
        self._client.close()

    def _leave(self) -> None:
        for subscription in self._subscriptions:
            subscription.cancel()
        for event, handler in self._handlers:
            # Whoever takes all handlers away has taken these.
            with contextlib.suppress(ValueError):
                api.remove_handler(event, handler)

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        return self._resolve(self._client.boolean_details, flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        return self._resolve(self._client.string_details, flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        return self._resolve(self._client.integer_details, flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        return self._resolve(self._client.float_details, flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        return self._resolve(self._client.object_details, flag_key, default_value, evaluation_context)

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        value = tracking_event_details.value if tracking_event_details is not None else None
        if value is None:
            self._client.track_result(tracking_event_name, True)
        else:
            self._client.track(tracking_event_name, float(value))

    def _resolve(
        self,
        read: Callable[[str, T], Details[T]],
        flag: str,
        default: T,
        context: EvaluationContext | None,
    ) -> FlagResolutionDetails[T]:
        other = self._said_otherwise(context)
        if other is not None:
            message = f"the values are for another `{other}`: tell the provider by set_context"
            return FlagResolutionDetails(
                value=default, reason="ERROR", error_code=ErrorCode.INVALID_CONTEXT, error_message=message
            )
        found = read(flag, default)
        return FlagResolutionDetails(
            value=found.value,
            variant=found.variant,
            reason=found.reason,
            error_code=None if found.error_code is None else ErrorCode[found.error_code.name],
            error_message=found.error_message,
            flag_metadata={
                name: value for name, value in found.metadata.items() if isinstance(value, (bool, int, float, str))
            },
        )

    def _said_otherwise(self, context: EvaluationContext | None) -> str | None:
        """What an evaluation's context says that the values are not for."""
        if context is None:
            return None
        if context.targeting_key and context.targeting_key != self._targeting_key:
            return "targetingKey"
        missing = object()
        for name, value in context.attributes.items():
            if self._attributes.get(name, missing) != value:
                return name
        return None

    def _changed(self, flags: list[str]) -> None:
        self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=flags))

    def _status(self, status: Status) -> None:
        if status.refuses_key or status.state not in (ConnectionState.CONNECTING, ConnectionState.OFFLINE):
            self._settled.set()
        self._tell()

    def _called(self, event: ProviderEvent, details: EventDetails) -> None:
        if details.provider_name == _NAME:
            self._tell(unless=event)

    def _tell(self, unless: ProviderEvent | None = None) -> None:
        """Tells how the client stands now, which is not always what was the news."""
        with self._telling:
            status = self._client.status
            if status.state != ConnectionState.CLOSED:
                event, details = _standing(status)
                if event != unless:
                    self.emit(event, details)


def _standing(status: Status) -> tuple[ProviderEvent, ProviderEventDetails]:
    """How a client stands, in OpenFeature's words."""
    why = "" if status.obstacle is None else f": {status.obstacle.name.lower()}"
    if status.state == ConnectionState.LIVE:
        return ProviderEvent.PROVIDER_READY, ProviderEventDetails()
    if status.source != FlagSource.NOTHING:
        return ProviderEvent.PROVIDER_STALE, ProviderEventDetails(message=f"the server is away{why}")
    return ProviderEvent.PROVIDER_ERROR, ProviderEventDetails(
        message=f"there are no values yet: no server, no cache, no bootstrap{why}",
        error_code=ErrorCode.PROVIDER_FATAL if status.refuses_key else ErrorCode.PROVIDER_NOT_READY,
    )
