"""OpenFeature's own client over the provider."""

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent
from openfeature.exception import ErrorCode, ProviderFatalError, ProviderNotReadyError
from openfeature.flag_evaluation import Reason
from openfeature.provider import ProviderStatus
from openfeature.track import TrackingEventDetails

from conftest import eventually, live
from usher_flags import FlagsClient
from usher_flags.openfeature import UsherProvider


@pytest.fixture
def flags(usher, key):
    client = FlagsClient(usher.url, key, venue="anfield", targeting_key="u-1")
    api.set_provider_and_wait(UsherProvider(client, "u-1"))
    live(client)
    yield api.get_client()
    api.shutdown()


def test_every_type_and_reason_comes_through(flags):
    assert flags.get_boolean_value("always", False) is True
    assert flags.get_integer_value("seat-limit", 0) == 4
    assert flags.get_float_value("fee", 0.0) == 2.5
    assert flags.get_string_value("banner", "").startswith("Gates")
    assert flags.get_object_value("layout", {})["rows"] == [1, 2]
    found = flags.get_boolean_details("resale-guard", False)
    assert (found.value, found.variant, found.reason) == (True, "on", Reason.TARGETING_MATCH)
    assert found.flag_metadata["rule"] == "england"
    missing = flags.get_boolean_details("nothing", True)
    assert (missing.value, missing.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    other = flags.get_integer_details("banner", 7)
    assert (other.value, other.error_code) == (7, ErrorCode.TYPE_MISMATCH)
    flags.track("checkout", tracking_event_details=TrackingEventDetails(value=2.5))


def test_nobody_gets_what_is_for_somebody_else(flags):
    same = flags.get_boolean_details("always", False, EvaluationContext("u-1"))
    assert (same.value, same.error_code) == (True, None)
    for context in [EvaluationContext("u-staff"), EvaluationContext("u-1", {"venue": "berlin-dome"})]:
        other = flags.get_boolean_details("always", False, context)
        assert (other.value, other.error_code) == (False, ErrorCode.INVALID_CONTEXT)


def test_changes_are_events(usher, flags):
    changed = []
    flags.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, lambda event: changed.extend(event.flags_changed))
    usher.act("kill", "always", "anfield")
    eventually("it is told", lambda: "always" in changed)
    assert flags.get_boolean_value("always", True) is False
    usher.act("revive", "always", "anfield")
    eventually("it is back", lambda: flags.get_boolean_value("always", False))


def test_one_that_has_nothing_is_not_called_ready(key):
    provider = UsherProvider(FlagsClient("http://127.0.0.1:1", key), patience=0.2)
    try:
        with pytest.raises(ProviderNotReadyError):
            api.set_provider_and_wait(provider)
        assert api.get_client().get_provider_status() == ProviderStatus.ERROR
        assert api.get_client().get_boolean_value("always", True) is True
    finally:
        api.shutdown()


@pytest.mark.parametrize("waits", [True, False])
def test_one_that_has_nothing_is_ready_once_the_server_is_there(usher, key, waits):
    usher.stop()
    try:
        provider = UsherProvider(FlagsClient(usher.url, key, venue="anfield", targeting_key="u-1"), "u-1", patience=0.2)
        if waits:
            with pytest.raises(ProviderNotReadyError):
                api.set_provider_and_wait(provider)
        else:
            api.set_provider(provider)
        flags = api.get_client()
        eventually("it has failed", lambda: flags.get_provider_status() == ProviderStatus.ERROR)
        usher.resume()
        eventually("it is ready", lambda: flags.get_provider_status() == ProviderStatus.READY)
        assert flags.get_boolean_value("always", False) is True
    finally:
        api.shutdown()


def test_a_key_that_is_refused_is_fatal_at_once(usher):
    provider = UsherProvider(FlagsClient(usher.url, "uck_nobody-has-ever-made-this-one"), patience=45)
    try:
        with pytest.raises(ProviderFatalError):
            api.set_provider_and_wait(provider)
        assert api.get_client().get_provider_status() == ProviderStatus.FATAL
        assert api.get_client().get_boolean_value("always", True) is True
    finally:
        api.shutdown()


def test_one_that_answers_from_the_disk_is_stale_until_the_server_is_there(usher, key, build, tmp_path):
    before = live(build(cache_dir=tmp_path))
    eventually("it is on disk", lambda: any(tmp_path.glob("*.cache")))
    before.close()
    usher.stop()
    try:
        client = FlagsClient(usher.url, key, venue="anfield", targeting_key="u-1", cache_dir=tmp_path)
        api.set_provider_and_wait(UsherProvider(client, "u-1"))
        flags = api.get_client()
        eventually("it is stale", lambda: flags.get_provider_status() == ProviderStatus.STALE)
        assert flags.get_boolean_value("always", False) is True
        usher.resume()
        eventually("it is ready", lambda: flags.get_provider_status() == ProviderStatus.READY)
    finally:
        api.shutdown()


def test_the_api_s_context_is_asked_for(usher, key):
    api.set_evaluation_context(EvaluationContext("u-staff", {"venue": "anfield"}))
    try:
        client = FlagsClient(usher.url, key)
        api.set_provider(UsherProvider(client))
        staff = api.get_client()
        eventually("it is staff", lambda: staff.get_boolean_value("staff-menu", False))
    finally:
        api.set_evaluation_context(EvaluationContext())
        api.shutdown()
