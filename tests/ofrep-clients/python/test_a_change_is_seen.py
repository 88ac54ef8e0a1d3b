"""Another context, a kill, a revival or another value is seen by the next evaluation."""

from clients import ON, ask
from usher import shared

ANFIELD = {"targetingKey": "u-1", "venue": "anfield"}
MUNICH = {"targetingKey": "u-1", "venue": "munich-arena"}
WEMBLEY = {"targetingKey": "u-1", "venue": "wembley-stadium"}

KILLED = ON | {"value": False, "variant": "off", "reason": "DISABLED"}
ENGLISH = ON | {"reason": "TARGETING_MATCH", "metadata": {"rule": "england"}}
GERMAN = ON | {"value": False, "variant": "off", "reason": "DEFAULT"}


def test_another_context_gets_another_answer_and_the_first_one_again(client):
    assert ask(client, "resale-guard", ANFIELD) == ENGLISH
    assert ask(client, "resale-guard", MUNICH) == GERMAN
    assert ask(client, "resale-guard", ANFIELD) == ENGLISH


def test_a_kill_and_a_revival_are_seen_at_that_venue_only(usher, client):
    assert ask(client, "always", ANFIELD) == ON
    usher.act("kill", "always", "anfield")
    assert ask(client, "always", ANFIELD) == KILLED
    # Targeting is tried, now that the flag is not the same for everybody.
    assert ask(client, "always", WEMBLEY) == ON | {"reason": "DEFAULT"}
    usher.act("revive", "always", "anfield")
    assert ask(client, "always", ANFIELD) == ON


def test_a_changed_value_is_seen(usher, client):
    banner = next(document for document in shared("workspace.json") if document["key"] == "banner")
    usher.put(banner | {"variants": banner["variants"] | {"on": "Gates open at seven"}})
    assert ask(client, "banner", ANFIELD, "string", "")["value"] == "Gates open at seven"
