"""The stream that a bulk answer offers, and the event that it carries, are as the published document says."""

import json
from urllib.parse import urljoin

import pytest
import requests

from published import check

ALL = "/ofrep/v1/evaluate/flags"
SOMEBODY = {"context": {"targetingKey": "user-123", "venue": "anfield"}}
PATIENCE = 10


@pytest.fixture
def ask(usher, keys):
    """Asks for all flags, as a phone."""

    def ask(**more):
        headers = {"Authorization": f"Bearer {keys['client']}"} | more.pop("headers", {})
        return requests.post(usher.url + ALL, json=SOMEBODY, headers=headers, timeout=PATIENCE, **more)

    return ask


def test_a_change_is_told_in_the_published_form_and_leads_to_a_new_answer(usher, ask):
    before = ask()
    (stream,) = before.json()["eventStreams"]
    check("eventStream", stream)
    assert stream["type"] == "sse"
    address = urljoin(usher.url, stream["endpoint"]["requestUri"])
    with requests.get(address, stream=True, timeout=PATIENCE) as response:
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        usher.act("kill", "always", "anfield")
        newest = None
        for line in response.iter_lines(chunk_size=1, decode_unicode=True):
            name, _, value = line.partition(": ")
            if name == "data":
                newest = json.loads(value)
                check("sseEventData", newest)
                assert newest["type"] == "refetchEvaluation"
                told = {"flagConfigEtag": newest["etag"], "flagConfigLastModified": newest["lastModified"]}
                after = ask(params=told, headers={"If-None-Match": before.headers["ETag"]})
                # The first may be of what happened before the stream was opened.
                if after.status_code == 200:
                    break
    check("bulkEvaluationSuccess", after.json())
    assert after.json()["flags"] != before.json()["flags"]


def test_a_304_has_the_tag_and_no_body(ask):
    first = ask()
    same = ask(headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["ETag"] == first.headers["ETag"]
