"""The published client as an application sets it up: a provider, a domain of its own, a client."""

import itertools

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

ON = {"value": True, "variant": "on", "reason": "STATIC", "error": None, "metadata": {}}

_domains = (f"backend-{number}" for number in itertools.count(1))


def client_of(url, key):
    """A backend's client."""
    domain = next(_domains)
    provider = OFREPProvider(url, headers_factory=lambda: {"Authorization": f"Bearer {key}"})
    api.set_provider_and_wait(provider, domain)
    return api.get_client(domain)


def ask(client, flag, context=None, kind="boolean", otherwise=False):
    """What a client says of a flag."""
    fields = dict(context or {})
    targeting_key = fields.pop("targetingKey", None)
    own = EvaluationContext(targeting_key, fields) if context else None
    details = getattr(client, f"get_{kind}_details")(flag, otherwise, own)
    return {
        "value": details.value,
        "variant": details.variant,
        "reason": details.reason,
        "error": details.error_code,
        "metadata": dict(details.flag_metadata),
    }


def failed(error, value=False):
    """The caller's own value, because of an error."""
    return {"value": value, "variant": None, "reason": "ERROR", "error": error, "metadata": {}}
