"""Evidence, checked on this machine: nothing of it is believed."""

import json
from typing import Any, NamedTuple

from sealane import evidence as formats


class EvidenceError(Exception):
    """The first reason why the evidence is worth nothing."""


class Counts(NamedTuple):
    """What was proven: so many leaves of the tree, so many complete lists, so many signatures."""

    leaves: int
    subjects: int
    signatures: int


def check_evidence(evidence: bytes | str, anchor: bytes | str | dict[str, Any], product: str) -> Counts:
    """Checks that evidence about a product holds against a trust anchor, and that nothing was left out.

    It gives no verdict: `sealane verify --evidence FILE --trust FILE` and the package for JavaScript do. Raises `EvidenceError`.
    """
    try:
        text = json.dumps(anchor) if isinstance(anchor, dict) else anchor
        trusted = formats.Anchor(formats.strict_json(text, "the anchor"))
        return Counts(*formats.evidence(trusted, evidence, product))
    except formats.Refused as refusal:
        raise EvidenceError(str(refusal)) from None
