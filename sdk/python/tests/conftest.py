"""One server for each file of tests: what one file changes, no other sees."""

import time

import pytest

from usher import Usher
from usher_flags import ConnectionState, FlagsClient


@pytest.fixture(scope="module")
def usher():
    # Often, so that what waits for a heartbeat waits for a second.
    server = Usher(heartbeat_seconds=1)
    yield server
    server.close()


@pytest.fixture(scope="module")
def key(usher):
    return usher.key("client")[0]


@pytest.fixture
def build(usher, key):
    """Makes clients at Anfield, and closes them in the end."""
    made = []

    def build(targeting_key="u-1", **more):
        settings = {"venue": "anfield", "targeting_key": targeting_key} | more
        made.append(FlagsClient(settings.pop("url", usher.url), key, **settings))
        return made[-1]

    yield build
    for client in made:
        client.close()


def eventually(what, holds, patience=45):
    """Waits until something holds."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, f"it never came about: {what}"
        time.sleep(0.01)


def live(client):
    eventually("it is live", lambda: client.status.state == ConnectionState.LIVE)
    return client
