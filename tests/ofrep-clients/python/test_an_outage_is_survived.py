"""A server that is gone gives the caller's own value; one that is back gives the right one again."""

from clients import ON, ask, failed

ANFIELD = {"targetingKey": "u-1", "venue": "anfield"}
KILLED = ON | {"value": False, "variant": "off", "reason": "DISABLED"}


def test_the_right_value_returns_with_the_server(usher, client):
    assert ask(client, "always", ANFIELD) == ON
    usher.stop()
    assert ask(client, "always", ANFIELD) == failed("GENERAL")
    usher.resume()
    assert ask(client, "always", ANFIELD) == ON


def test_what_was_killed_before_an_outage_is_killed_after_it(usher, client):
    usher.act("kill", "always", "anfield")
    usher.stop()
    usher.resume()
    assert ask(client, "always", ANFIELD) == KILLED
