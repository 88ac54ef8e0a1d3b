"""Every type, every default, and all that is known about an answer."""

from datetime import datetime, timedelta, timezone

import pytest

from conftest import eventually, live
from usher_flags import FlagErrorCode, FlagsClient, FlagsError, FlagSource


def test_every_type_comes_through(build):
    client = live(build())
    assert client.boolean("always") is True
    assert client.integer("seat-limit") == 4
    assert (client.float("fee"), client.float("levy")) == (2.5, 2.0)
    assert client.string("banner") == "Gates open at six – Einlass 18 Uhr"
    assert client.object("layout") == {"rows": [1, 2], "name": "bowl", "aisles": {"north": True}}
    assert client.object("gate-order") == ["north", "south"]
    assert client.boolean("gates/nord & süd") is True


def test_all_that_is_known_is_told(build):
    client = live(build())
    found = client.boolean_details("resale-guard")
    assert (found.value, found.variant, found.reason, found.source) == (True, "on", "TARGETING_MATCH", FlagSource.SERVER)
    assert (found.error_code, found.error_message, found.metadata["rule"]) == (None, None, "england")
    assert timedelta(0) <= found.age < timedelta(minutes=1)
    assert abs(datetime.now(timezone.utc) - found.as_of) < timedelta(minutes=1)
    assert client.integer_details("seat-limit").value == 4
    assert client.float_details("fee").value == 2.5
    assert client.string_details("banner").variant == "on"
    assert client.object_details("layout").value["rows"] == [1, 2]
    assert client.boolean_details("closed", True).reason == "DISABLED"


def test_what_does_not_fit_gives_the_default_and_says_why(build):
    client = live(build())
    assert client.boolean("nothing", True) and client.boolean("banner", True)
    assert (client.integer("banner", 7), client.string("seat-limit", "mine")) == (7, "mine")
    assert client.integer("nothing", 2**70) == 2**70 and client.integer("seat-limit", 2**70) == 4
    assert client.object("banner", {"own": 1}) == {"own": 1}
    assert client.boolean("imported", True) and not client.boolean("imported", False), "it leaves it to the caller"
    hidden = client.boolean_details("hidden", True)
    assert (hidden.value, hidden.error_code) == (True, FlagErrorCode.FLAG_NOT_FOUND)
    assert "`hidden`" in hidden.error_message
    other = client.object_details("banner", [1])
    assert (other.value, other.error_code, other.reason) == ([1], FlagErrorCode.TYPE_MISMATCH, "ERROR")


def test_settings_that_can_not_be_used_are_said(usher):
    for url, more in [("flags.example.org", {}), (usher.url, {"bootstrap": "{}"})]:
        with pytest.raises(FlagsError.Invalid):
            FlagsClient(url, "uck_x", **more)


def test_attributes_of_every_kind_are_told(build):
    client = live(build(attributes={"appVersion": "3.1.0", "seats": 4, "member": True}))
    assert client.boolean("new-app") is False
    client.set_context(
        "u-1",
        attributes={
            "appVersion": "3.2.0",
            "seats": 4,
            "score": 0.5,
            "member": True,
            "blocks": ["101", "102"],
            "device": {"os": "linux"},
            "since": datetime.now(timezone.utc),
            "huge": 2**70,
            "none": None,
        },
    )
    eventually("the rule matches", lambda: client.boolean("new-app"))
    assert client.diagnostics == []


def test_another_person_gets_their_own(build):
    client = live(build())
    assert not client.boolean("staff-menu") and client.boolean("loyalty")
    client.set_context("u-staff", venue="berlin-dome")
    assert not client.boolean("loyalty"), "not the other person's, at once"
    eventually("theirs have come", lambda: client.boolean("staff-menu"))
    assert not client.boolean("loyalty"), "killed for staff"


def test_a_signature_that_is_not_taken_is_told_and_one_less_is_enough(build):
    client = live(build())
    heard = []
    client.on_status(heard.append)
    client.set_signed_context("nonsense")
    eventually("it is told", lambda: any(status.wants_signed_context for status in heard))
    assert client.status.wants_signed_context
    client.set_signed_context(None)
    live(client)
    assert client.boolean("always") is True
    assert not client.status.wants_signed_context
