"""Whatever is asked, valid or not, is answered as the published document says: status, headers, body.

Questions are made by Schemathesis from `openapi.yaml`: its examples, every boundary that it names, and many at
random, the same in each run. It checks each answer against the document, that questions which are not as published
are refused, that none is answered without a key, and that no other method is taken.
"""

import json
from copy import deepcopy

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS

from published import PUBLISHED
from usher import shared

FLAGS = [document["key"] for document in shared("workspace.json") if document["kind"] == "flag"]
VENUES = [document["key"] for document in shared("workspace.json") if document["kind"] == "venue"]
RANDOM_QUESTIONS = 150

schema = schemathesis.openapi.from_dict(deepcopy(PUBLISHED))
# Whose key it is, a test says itself.
schema.config.generation.update(with_security_parameters=False)

# Like the published request, but nothing in it has to be there.
AS_TAKEN = jsonschema_rs.Draft202012Validator({
    "type": "object",
    "properties": {
        "context": {"type": ["object", "null"], "properties": {"targetingKey": {"type": ["string", "null"]}}}
    },
})


@schema.hook("before_generate_path_parameters")
def also_real_flags(context, strategy):
    """Flags that there are, besides any that there might be."""
    return strategy | st.sampled_from(FLAGS).map(lambda key: {"key": key})


@schema.hook("map_body")
def at_real_venues(context, body):
    """Now and then somewhere real, where flags differ."""
    if isinstance(body, dict) and isinstance(body.get("context"), dict):
        spot = sum(map(ord, str(body["context"].get("targetingKey")))) % (2 * len(VENUES))
        if spot < len(VENUES):
            body["context"].setdefault("venue", VENUES[spot])
    return body


@schemathesis.check
def what_is_not_understood_is_refused(context, response, case):
    """The document asks for a context, and for a targeting key in it. Nothing here needs either: a flag without
    targeting is answered for nobody in particular, as OpenFeature's clients ask when they are told nothing. All else
    that is not as published is refused."""
    try:
        understood = AS_TAKEN.is_valid(json.loads(response.request.body or b""))
    except ValueError:
        understood = False
    assert understood or response.status_code in (400, 401, 403, 405), "this was not to be taken"


@schema.parametrize()
@settings(max_examples=RANDOM_QUESTIONS, derandomize=True, database=None, deadline=None)
@pytest.mark.parametrize("kind", ["server", "client"])
def test_every_question_is_answered_as_published(case, kind, usher, keys):
    case.call_and_validate(
        base_url=usher.url,
        headers={"Authorization": f"Bearer {keys[kind]}"},
        additional_checks=[what_is_not_understood_is_refused],
        excluded_checks=CHECKS.get_by_names(["negative_data_rejection"]),
    )
