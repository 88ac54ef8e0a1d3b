"""One server for each file of tests: what one file changes, no other sees."""

import pytest
from openfeature import api

from clients import client_of
from usher import Usher


@pytest.fixture(scope="module")
def usher():
    server = Usher()
    yield server
    api.shutdown()
    server.close()


@pytest.fixture
def client(usher):
    """A client with a server key."""
    secret, _ = usher.key("server")
    return client_of(usher.url, secret)
