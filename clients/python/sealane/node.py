"""A member's node, over HTTP."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from sealane.identity import Identity

TIMEOUT_SECONDS = 60
WAIT_SECONDS = 30


class Problem(Exception):
    """What a node refused, and why: RFC 9457. `code` is stable."""

    def __init__(self, status: int, body: dict[str, Any]):
        super().__init__(f"{body.get('detail') or body.get('title') or 'no reason was given'} [{body.get('code')}]")
        self.status = status
        self.code = body.get("code")
        self.body = body


@dataclass(frozen=True)
class Receipt:
    """Where a statement stands. `raw` is the whole receipt, which `sealane audit --receipts` checks."""

    capture_id: str
    leaf: int
    tree_size: int
    raw: dict[str, Any]


class Node:
    """A member's node at a URL. Raises `Problem` for a refusal, and `OSError` if nothing is reached."""

    def __init__(self, url: str):
        self._url = url.rstrip("/")

    def trust(self) -> dict[str, Any]:
        """The trust anchor that the node shows. Compare its `fingerprint` with one that you got another way, and keep it."""
        return json.loads(self._ask("/trust"))

    def evidence(self, product: str) -> bytes:
        """The evidence about an id: a GS1 Digital Link, an EPC URN, or `(01)…(21)…`."""
        return self._ask(f"/evidence?id={quote(product, safe='')}")

    def capture(self, identity: Identity, document: bytes | dict[str, Any], origin: str | None = None) -> Receipt:
        """Signs a document, posts it and waits until it is final."""
        return self.post(identity.sign(document, origin or self.trust()["origin"]))

    def post(self, statement: str) -> Receipt:
        """Posts a signed statement and waits until it is final. To post it again is safe."""
        headers = {"content-type": "application/jose", "prefer": f"wait={WAIT_SECONDS}"}
        job = json.loads(self._ask("/epcis/capture", statement.encode(), headers))
        if "receipt" not in job:
            raise TimeoutError(f"capture {job.get('captureID')} is not final after {WAIT_SECONDS} s: post the same statement again")
        receipt = job["receipt"]
        return Receipt(job["captureID"], receipt["leafIndex"], receipt["treeSize"], receipt)

    def _ask(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        request = Request(self._url + path, body, {"accept": "application/json", **(headers or {})})
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return answer.read()
        except HTTPError as error:
            text = error.read()
            try:
                said = json.loads(text)
            except ValueError:
                said = {"detail": f"{self._url}{path} was answered with status {error.code}"}
            raise Problem(error.code, said if isinstance(said, dict) else {}) from None
