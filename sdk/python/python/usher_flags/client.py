"""The client: what programs hold."""

from __future__ import annotations

import atexit
import ctypes
import json
import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

from ._native import usher_ffi as native
from .values import Details, Status, context_of, details_of, status_of

logger = logging.getLogger("usher_flags")

Json = TypeVar("Json")
# Within the client these are names of getters.
_Float = float

# No text of JSON, so that it tells the caller's default from what was served.
_NO_TEXT = "\x00"
# How long a program that ends waits for a listener that is being called.
_LAST_CALLS_MS = 1000


# What is generated takes a hundred times as long as a read does, most of it for the flag's name. So reads go by C's
# calls; they take no lock and never wait, so that the interpreter's need not be given up for them.
_c = ctypes.PyDLL(native._UniffiLib._name)
for _name, _type in [("boolean", ctypes.c_bool), ("integer", ctypes.c_int64), ("float", ctypes.c_double)]:
    _read = getattr(_c, f"usher_{_name}")
    _read.argtypes, _read.restype = [ctypes.c_void_p, ctypes.c_char_p, _type], _type
for _name in ["string", "object"]:
    _read = getattr(_c, f"usher_{_name}")
    _read.argtypes, _read.restype = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p], ctypes.c_void_p
_c.usher_string_free.argtypes, _c.usher_string_free.restype = [ctypes.c_void_p], None
_boolean, _integer, _number = _c.usher_boolean, _c.usher_integer, _c.usher_float
_string, _object, _free = _c.usher_string, _c.usher_object, _c.usher_string_free
_LEAST, _MOST = -(2**63), 2**63 - 1


def _taken(text: int) -> str:
    """A text that the library gave away."""
    try:
        return ctypes.string_at(text).decode()
    finally:
        _free(text)


class Subscription:
    """Ends when it is cancelled, or when a ``with`` block over it does."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel: Callable[[], None] | None = cancel

    def cancel(self) -> None:
        """No call begins any more."""
        cancel, self._cancel = self._cancel, None
        if cancel is not None:
            cancel()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()


class _Listener(native.FlagsListener):
    """Hands on what the library says. What is raised is logged here, and told in the client's diagnostics."""

    def __init__(
        self,
        change: Callable[[list[str]], object] | None = None,
        status: Callable[[Status], object] | None = None,
    ) -> None:
        self._change = change
        self._status = status

    def on_change(self, flags: list[str]) -> None:
        self._call(self._change, flags)

    def on_status(self, status: native.StatusReport) -> None:
        self._call(self._status, status_of(status))

    def _call(self, listener: Callable[[Any], object] | None, news: Any) -> None:
        if listener is None:
            return
        try:
            listener(news)
        except Exception as error:
            logger.exception("a listener of the flags client raised")
            raise native.ListenerError.Failed(repr(error)) from error


class FlagsClient:
    """Reads flags, right from the first call. Make one, keep it for as long as the program runs, and share it among
    threads.

    :param url: the server or edge.
    :param key: a client key (``uck_…``).
    :param venue: the key of the venue where this is.
    :param targeting_key: the person or device that is asked about. Values are kept on disk for each.
    :param attributes: everything else that rules ask for.
    :param signed_context: what the backend has signed of whoever asks. What is signed can't be said otherwise.
    :param cache_dir: a folder in which values survive the process.
    :param bootstrap: values to begin with where there is neither a server nor a cache: what ``POST /sdk/v1/values``
        answers.
    :param environment: the environment that the bootstrap is of, where it does not say so.
    :param app_version: the program's version, for statistics.
    :param background_poll_seconds: how often is asked in the background; every 15 minutes without it.
    :param send_seconds: how often what was counted is sent; every 10 without it.
    :raises FlagsError: a setting that can't be used. What comes later is a status.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        venue: str | None = None,
        targeting_key: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        signed_context: str | None = None,
        cache_dir: str | None = None,
        bootstrap: str | Mapping[str, Any] | None = None,
        environment: str | None = None,
        app_version: str | None = None,
        start_in_background: bool = False,
        background_poll_seconds: int | None = None,
        send_seconds: int | None = None,
    ) -> None:
        if bootstrap is not None and not isinstance(bootstrap, str):
            bootstrap = json.dumps(bootstrap)
        self._native = native.FlagsClient(
            native.Config(
                url=url,
                key=key,
                venue=venue,
                context=context_of(targeting_key, None, attributes),
                signed_context=signed_context,
                cache_dir=None if cache_dir is None else str(cache_dir),
                bootstrap=bootstrap,
                environment=environment,
                app_version=app_version,
                start_in_background=start_in_background,
                background_poll_seconds=background_poll_seconds,
                send_seconds=send_seconds,
            )
        )
        self._streams: weakref.WeakSet[_Changes] = weakref.WeakSet()
        self._closed = False
        # Held while a stream is added, and while those that there are are counted.
        self._lock = threading.Lock()
        # Good for as long as `_native` is kept, which is as long as this.
        self._address = self._native.address()
        _open.add(self)

    def boolean(self, flag: str, default: bool = False) -> bool:
        """A boolean flag."""
        return _boolean(self._address, flag.encode(), default)

    def integer(self, flag: str, default: int = 0) -> int:
        """A flag of whole numbers."""
        name = flag.encode()
        if _LEAST <= default <= _MOST:
            return _integer(self._address, name, default)
        # No flag has such a value: what comes back is the flag's only if it is so whatever the default is.
        found = _integer(self._address, name, 0)
        return found if found == _integer(self._address, name, 1) else default

    def float(self, flag: str, default: _Float = 0.0) -> _Float:
        """A flag of numbers."""
        return _number(self._address, flag.encode(), default)

    def string(self, flag: str, default: str = "") -> str:
        """A flag of texts."""
        text = _string(self._address, flag.encode(), None)
        return default if text is None else _taken(text)

    def object(self, flag: str, default: Json = None) -> Any | Json:
        """A flag of JSON trees."""
        text = _object(self._address, flag.encode(), None)
        return default if text is None else json.loads(_taken(text))

    def boolean_details(self, flag: str, default: bool = False) -> Details[bool]:
        """A boolean flag, with all that is known about the answer."""
        found = self._native.boolean_details(flag, default)
        return details_of(found, found.value)

    def integer_details(self, flag: str, default: int = 0) -> Details[int]:
        """A flag of whole numbers, with all that is known about the answer."""
        found = self._native.integer_details(flag, default)
        return details_of(found, found.value)

    def float_details(self, flag: str, default: _Float = 0.0) -> Details[_Float]:
        """A flag of numbers, with all that is known about the answer."""
        found = self._native.float_details(flag, default)
        return details_of(found, found.value)

    def string_details(self, flag: str, default: str = "") -> Details[str]:
        """A flag of texts, with all that is known about the answer."""
        found = self._native.string_details(flag, default)
        return details_of(found, found.value)

    def object_details(self, flag: str, default: Json = None) -> Details[Any | Json]:
        """A flag of JSON trees, with all that is known about the answer."""
        found = self._native.object_details(flag, _NO_TEXT)
        return details_of(found, default if found.value == _NO_TEXT else json.loads(found.value))

    def set_context(
        self,
        targeting_key: str | None = None,
        *,
        venue: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Asks for somebody else, or somewhere else, from now on. Values of another person are never given.

        :raises FlagsError: a context that can't be used; then everything stays.
        """
        self._native.set_context(context_of(targeting_key, venue, attributes))

    def set_signed_context(self, token: str | None) -> None:
        """Passes on another signed context from now on, or none, beside the same context. One that only renews the one
        before changes no answer. ``Status.wants_signed_context`` says when another is needed."""
        self._native.set_signed_context(token)

    def set_context_signed(
        self,
        token: str | None,
        targeting_key: str | None = None,
        *,
        venue: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Another signed context and another context at once, as when somebody else signs in.

        :raises FlagsError: a context that can't be used; then everything stays.
        """
        self._native.set_context_signed(context_of(targeting_key, venue, attributes), token)

    def on_change(self, listener: Callable[[list[str]], Any]) -> Subscription:
        """Calls ``listener`` with the keys of flags that have changed, on a thread of the client's own."""
        return self._subscribe(_Listener(change=listener))

    def on_status(self, listener: Callable[[Status], Any]) -> Subscription:
        """Calls ``listener`` when the client stands otherwise with its server; likewise."""
        return self._subscribe(_Listener(status=listener))

    def changes(self) -> Iterator[list[str]]:
        """Waits for changes, and gives the keys of those flags, those of several changes at once where it was not
        asked meanwhile; until the client is closed."""
        changes = _Changes()
        with self._lock:
            self._streams.add(changes)
        changes.subscription = self.on_change(changes.put)
        # Whoever closes the client either finds it among the streams or is found here.
        if self._closed:
            changes.close()
        return changes

    @property
    def status(self) -> Status:
        """How the client stands with its server."""
        return status_of(self._native.status())

    @property
    def diagnostics(self) -> list[str]:
        """What an operator should know: a damaged cache, a refused key, a listener that raised."""
        return self._native.diagnostics()

    def foreground(self) -> None:
        """Somebody looks at the program: changes come as they happen. So it is from the start."""
        self._native.foreground()

    def background(self) -> None:
        """Nobody does: the server is asked now and then only."""
        self._native.background()

    def track(self, metric: str, value: _Float) -> None:
        """Counts something that happened, with a number: seconds, an amount."""
        self._native.track(metric, value)

    def track_result(self, metric: str, succeeded: bool) -> None:
        """Counts something that worked or failed."""
        self._native.track_result(metric, succeeded)

    def expose(self, flag: str) -> None:
        """Counts that somebody was shown what a flag gives them. Reading alone does not count."""
        self._native.expose(flag)

    def flush(self) -> None:
        """Sends what was counted now, without waiting for it."""
        self._native.flush()

    def close(self) -> None:
        """Ends the connection and all listeners; returns at once. Answers go on from what there is."""
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        self._native.shutdown()
        # While a listener of its own is being called, the end of the program has to wait for it.
        if self._native.wait_for_listeners(0):
            _open.discard(self)
        for changes in streams:
            changes.close()

    def __enter__(self) -> FlagsClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _subscribe(self, listener: _Listener) -> Subscription:
        number = self._native.add_listener(listener)
        return Subscription(lambda: self._native.remove_listener(number))

    def _end(self) -> None:
        self.close()
        self._native.wait_for_listeners(_LAST_CALLS_MS)


class _Changes(Iterator[list[str]]):
    """Changes that wait to be taken: each flag once, so that one who does not take them holds no more than that."""

    def __init__(self) -> None:
        self.subscription: Subscription | None = None
        self._flags: set[str] = set()
        self._news = threading.Condition()
        self._closed = False

    def put(self, flags: list[str]) -> None:
        with self._news:
            self._flags.update(flags)
            self._news.notify()

    def close(self) -> None:
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self.subscription is not None:
            self.subscription.cancel()

    def __next__(self) -> list[str]:
        with self._news:
            self._news.wait_for(lambda: self._flags or self._closed)
            if not self._flags:
                raise StopIteration
            flags, self._flags = sorted(self._flags), set()
            return flags


_open: weakref.WeakSet[FlagsClient] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """A thread that calls into an interpreter that is gone would take the process down with it."""
    for client in list(_open):
        client._end()
