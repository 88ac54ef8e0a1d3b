"""A real server, with the workspace of the clients' tests."""

import pytest

from usher import Usher


@pytest.fixture(scope="session")
def usher():
    server = Usher()
    # A list, which the protocol has no flag for.
    server.delete("flag", "gate-order")
    yield server
    server.close()


@pytest.fixture(scope="session")
def keys(usher):
    """A key of each kind."""
    return {kind: usher.key(kind)[0] for kind in ("server", "client")}
