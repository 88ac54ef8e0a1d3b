"""What the server refuses gives the caller's own value, with the code that the client has for it."""

import pytest

from clients import ON, ask, client_of, failed

ANFIELD = {"targetingKey": "u-1", "venue": "anfield"}
BERLIN = {"targetingKey": "u-1", "venue": "berlin-dome"}

OFF = ON | {"value": False, "variant": "off", "reason": "DISABLED"}


@pytest.fixture
def phone(usher):
    """A client with a client key."""
    secret, _ = usher.key("client")
    return client_of(usher.url, secret)


def test_there_is_no_such_flag(client):
    assert ask(client, "no-such", ANFIELD) == failed("FLAG_NOT_FOUND")


@pytest.mark.parametrize(
    ("flag", "kind", "otherwise"),
    [
        ("always", "string", "mine"),
        ("banner", "boolean", True),
        ("fee", "integer", 7),
        ("seat-limit", "float", 1.5),
        ("seat-limit", "object", {}),
        ("layout", "string", "mine"),
    ],
)
def test_a_flag_of_another_type_is_a_mismatch(client, flag, kind, otherwise):
    assert ask(client, flag, ANFIELD, kind, otherwise) == failed("TYPE_MISMATCH", otherwise)


@pytest.mark.parametrize(
    "context",
    [{"targetingKey": 7}, {"targetingKey": "u-1", "venue": ["anfield"]}, {"note": "x" * 70_000}],
    ids=["a number as targeting key", "a list as venue", "too large"],
)
def test_a_context_that_can_not_be_read_is_invalid_and_the_next_one_is_taken(client, context):
    assert ask(client, "always", context) == failed("INVALID_CONTEXT")
    assert ask(client, "always", ANFIELD) == ON


def test_a_wrong_key_gets_its_own_value(usher):
    assert ask(client_of(usher.url, "usk_wrong"), "always", ANFIELD) == failed("GENERAL")


def test_a_key_gets_its_own_value_from_the_moment_it_is_revoked(usher):
    secret, key = usher.key("server")
    client = client_of(usher.url, secret)
    assert ask(client, "always", ANFIELD) == ON
    usher.revoke(key)
    assert ask(client, "always", ANFIELD) == failed("GENERAL")


def test_a_client_key_does_not_find_a_flag_that_clients_may_not_see(client, phone):
    assert ask(client, "hidden", ANFIELD) == ON
    assert ask(phone, "hidden", ANFIELD) == failed("FLAG_NOT_FOUND")


def test_a_failed_prerequisite_is_named_unless_the_key_may_not_see_it(client, phone):
    assert ask(client, "needs-hidden", ANFIELD) == OFF | {"metadata": {"prerequisiteFailed": "hidden"}}
    assert ask(phone, "needs-hidden", ANFIELD) == OFF


def test_a_key_for_one_venue_gets_its_own_value_at_another(usher):
    secret, _ = usher.key("server", ["anfield"])
    client = client_of(usher.url, secret)
    assert ask(client, "always", ANFIELD) == ON
    assert ask(client, "always", BERLIN) == failed("GENERAL")


@pytest.mark.parametrize("otherwise", [True, False])
def test_a_variant_without_a_value_gives_the_callers_own(client, otherwise):
    assert ask(client, "imported", ANFIELD, "boolean", otherwise) == ON | {"value": otherwise}


def test_a_flag_of_another_environment_gives_the_callers_own_value(client):
    # This client asks every answer for a variant; the value is right all the same.
    assert ask(client, "staging-only", ANFIELD, "boolean", True) == failed("GENERAL", True)
