"""The published document, and what it says of a value."""

from pathlib import Path

import jsonschema_rs
import yaml

PUBLISHED = yaml.safe_load((Path(__file__).parent / "openapi.yaml").read_text(encoding="utf-8"))


def check(name, value):
    """Raises, with the reason, unless a value is as one of the document's schemas says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": PUBLISHED["components"]}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(value)
