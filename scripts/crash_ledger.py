"""What `scripts/crash` and its members share: what is posted to a node, and what is checked of its answers.

Nothing here is Sealane's code: hashes, proofs and signatures are computed and checked by Python alone.
"""

import base64
import hashlib
import http.client
import json
import struct
import time
import uuid

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

# Fixed, so that statements of one run never fit another ledger by chance.
ORIGIN = "crash.example/ledger"

# Entries in a full bundle (C2SP tlog-tiles).
BUNDLE = 256

# Seconds that a node may take to start, or to answer one request.
PATIENCE = 120


class Lost(Exception):
    """Something acknowledged is gone, or the ledger is not what it was."""


def expect(holds, what):
    if not holds:
        raise Lost(what)


# ---------------------------------------------------------------------------------------------------------------------
# Hashes, proofs and signatures


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def inclusion_root(index, size, leaf, proof):
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2); None for a proof of another length."""
    node, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def consistency_roots(first, second, first_root, proof):
    """The roots of both trees by a consistency proof (RFC 9162 section 2.1.4.2); None for a malformed proof."""
    if first == second:
        return (first_root, first_root) if not proof else None
    proof = list(proof)
    if first & (first - 1) == 0:
        proof.insert(0, first_root)
    if not proof:
        return None
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    earlier = later = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            earlier, later = node_hash(sibling, earlier), node_hash(sibling, later)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            later = node_hash(later, sibling)
        node, last = node >> 1, last >> 1
    return (earlier, later) if last == 0 else None


class Tree:
    """A tree that grows, of which only the right edge is kept, and the roots of the sizes that are asked about."""

    def __init__(self):
        self.edge = []
        self.size = 0

    def push(self, leaf):
        self.edge.append(leaf)
        self.size += 1
        at = self.size
        while at % 2 == 0:
            right, left = self.edge.pop(), self.edge.pop()
            self.edge.append(node_hash(left, right))
            at //= 2

    def root(self):
        if not self.edge:
            return sha256()
        root = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            root = node_hash(left, root)
        return root


def verify(key, raw, message, what):
    expect(len(raw) == 64, f"the signature on {what} is not 64 bytes")
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        key.verify(der, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Lost(f"the signature on {what} does not hold") from None


def key_of(jwk):
    x, y = (int.from_bytes(from_base64url(jwk[name]), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


# ---------------------------------------------------------------------------------------------------------------------
# What is posted


class Signer:
    """A manufacturer that signs commissionings of items nobody has named before."""

    def __init__(self, directory, dice, series=""):
        pem = (directory / "certificate.pem").read_bytes()
        self.key = serialization.load_pem_private_key((directory / "key.pem").read_bytes(), None)
        self.thumbprint = x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256())
        self.dice = dice
        # Sets the items of several signers with one key apart.
        self.series = series
        self.count = 0

    def statement(self):
        return self.sign(self.signed_part(self.document()))

    def forms(self):
        """One statement with two signatures, both good."""
        signed = self.signed_part(self.document())
        return self.sign(signed), self.sign(signed)

    def rivals(self):
        """Two statements that give one eventID two contents."""
        event = self.event(1) | {"eventID": f"urn:uuid:{uuid.UUID(int=self.dice.getrandbits(128))}"}
        contents = event, event | {"eventTime": "2026-01-02T00:00:00.000Z"}
        return tuple(self.sign(self.signed_part(document([content]))) for content in contents)

    def signed_part(self, payload):
        header = {
            "alg": "ES256",
            "typ": "epcis+jws",
            "x5t#S256": base64url(self.thumbprint),
            "aud": ORIGIN,
            "iat": int(time.time()),
        }
        return ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload))

    def sign(self, signed):
        r, s = utils.decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return signed + "." + base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def document(self):
        """Mostly one event about one item; now and then many, and a statement too long for a leaf."""
        kind = self.dice.random()
        events, items = (1, 1) if kind < 0.95 else (20, 1) if kind < 0.995 else (1, 1100)
        return document([self.event(items) for _ in range(events)])

    def event(self, items):
        self.count += 1
        serial = f"{self.series}{self.count:x}"
        epcs = [f"https://id.gs1.org/01/09506000134352/21/{serial}.{item:x}" for item in range(items)]
        return {
            "type": "ObjectEvent",
            "eventTime": "2026-01-01T00:00:00.000Z",
            "eventTimeZoneOffset": "+00:00",
            "epcList": epcs,
            "action": "ADD",
            "bizStep": "commissioning",
        }


def document(events):
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-01-01T00:00:00.000Z",
        "epcisBody": {"eventList": events},
    }


def statement_id(compact):
    return base64url(sha256(compact.rsplit(".", 1)[0].encode()))


def leaf_data(compact):
    """What the leaf of a statement holds; one too long for a leaf stands there by its hash and length."""
    text = compact.encode()
    return b"\x01" + text if len(text) < 65535 else b"\x02" + sha256(text) + struct.pack(">I", len(text))


def bundle_path(index, width):
    """C2SP tlog-tiles: groups of three digits, all but the last with an x, and .p/W for a partial bundle."""
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return "/ledger/tile/entries/" + "/".join(groups) + ("" if width == BUNDLE else f".p/{width}")


class Killed(Exception):
    """The node went away before it answered."""


class Connection:
    """A connection that is kept alive."""

    def __init__(self, address):
        self.http = http.client.HTTPConnection(address, timeout=PATIENCE)

    def ask(self, method, path, body=None, headers=None):
        status, _, answered = self.exchange(method, path, body, headers)
        return status, answered

    def exchange(self, method, path, body=None, headers=None):
        """The status, headers and body of the answer."""
        try:
            self.http.request(method, path, body, headers or {})
            answer = self.http.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.http.close()
            raise Killed(str(error)) from None

    def get(self, path):
        status, body = self.ask("GET", path)
        expect(status == 200, f"GET {path}: {status} {body[:500]!r}")
        return body

    def get_json(self, path):
        return json.loads(self.get(path))

    def post(self, statement, wait=60):
        headers = {"Content-Type": "application/jose", "Prefer": f"wait={wait}"}
        return self.ask("POST", "/epcis/capture", statement.encode(), headers)

    def close(self):
        self.http.close()


class Held:
    """A statement that was acknowledged: what its receipt says."""

    def __init__(self, statement, receipt):
        self.statement = statement
        self.leaf = receipt["leafIndex"]
        self.size = receipt["treeSize"]
        self.hash = from_base64url(receipt["leafHash"])
        self.proof = [from_base64url(one) for one in receipt["inclusionProof"]]
        self.checkpoint = receipt["checkpoint"]
        self.commit = receipt["commit"]

    def expected_hash(self):
        return sha256(b"\x00", leaf_data(self.statement))


class Copy:
    """All leaves of a ledger that were read so far, and what nodes have said of it."""

    def __init__(self):
        self.members = {}
        self.tree = Tree()
        self.roots = {}
        self.places = {}
        self.ids = {}
        self.commits = {}

    def know_members(self, connection):
        self.members = {one["kid"]: key_of(one["jwk"]) for one in connection.get_json("/trust")["members"]}

    def check_commit(self, checkpoint, commit):
        """A height has one checkpoint for ever, signed by more than two thirds of the members."""
        height = commit["height"]
        seen = self.commits.setdefault(height, checkpoint)
        expect(seen == checkpoint, f"height {height} was committed to twice: {seen!r} and {checkpoint!r}")
        message = b"sealane/commit/v1\x00" + sha256(ORIGIN.encode())
        message += struct.pack(">QI", height, commit["round"]) + sha256(checkpoint.encode())
        for entry in commit["signatures"]:
            verify(self.members[entry["kid"]], from_base64url(entry["signature"]), message, f"commit {height}")
        signed = {entry["kid"] for entry in commit["signatures"]}
        expect(3 * len(signed) > 2 * len(self.members), f"commit {height} has no quorum")

    def read_leaves(self, connection, size):
        """Reads what is new, and remembers the root at every size, and where each statement stands."""
        while self.tree.size < size:
            index = self.tree.size // BUNDLE
            width = min(BUNDLE, size - index * BUNDLE)
            bundle = connection.get(bundle_path(index, width))
            at, entries = 0, []
            while at < len(bundle):
                (length,) = struct.unpack_from(">H", bundle, at)
                entries.append(bundle[at + 2 : at + 2 + length])
                at += 2 + length
            expect(len(entries) == width, f"entry bundle {index} has {len(entries)} entries instead of {width}")
            for data in entries[self.tree.size - index * BUNDLE :]:
                self.take(data)

    def take(self, data):
        index = self.tree.size
        self.tree.push(sha256(b"\x00", data))
        if data[:1] == b"\x00":
            # A seal ends its block: receipts speak of this size.
            self.roots[index + 1] = self.tree.root()
            return
        place = self.places.setdefault(sha256(data), index)
        expect(place == index, f"leaves {place} and {index} hold the same statement")
        if data[:1] == b"\x01":
            first = self.ids.setdefault(sha256(data[1:].rsplit(b".", 1)[0]), index)
            expect(first == index, f"leaves {first} and {index} hold one statement with two signatures")

    def place(self, compact):
        """The leaf that holds a statement, if one does."""
        return self.places.get(sha256(leaf_data(compact)))

    def check_held(self, name, held):
        expect(held.hash == held.expected_hash(), f"the receipt of {name} is for other bytes than were posted")
        place = self.place(held.statement)
        expect(place is not None, f"LOST: statement {name}, acknowledged at leaf {held.leaf}, is not on the ledger")
        expect(place == held.leaf, f"statement {name} stands at leaf {place}, and its receipt says {held.leaf}")
        root = self.roots.get(held.size)
        expect(root is not None, f"the receipt of {name} speaks of a tree of {held.size}, where no block ends")
        expect(inclusion_root(held.leaf, held.size, held.hash, held.proof) == root, f"the proof of {name} fails")
        expect(base64.b64decode(held.checkpoint.splitlines()[2]) == root, f"the receipt of {name} has another root")
        self.check_commit(held.checkpoint, held.commit)
