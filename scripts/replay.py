#!/usr/bin/env python3
"""Rebuilds a Sealane node's tree from its tiles alone, and checks seal and commit: an outsider's check.

Reads /trust, /ledger/checkpoint, /ledger/blocks/latest and /ledger/tile/..., and nothing else. Uses no code of Sealane's:
SHA-256 from Python, ECDSA and Ed25519 from the `cryptography` package. Exit code 0 when all of it holds, 4 when something does not.

    scripts/replay.py http://127.0.0.1:8080
"""

import base64
import hashlib
import json
import struct
import sys
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

WIDTH = 256
ED25519 = b"\x01"  # the type of such a key in signed notes


class Fault(Exception):
    """Something that the node said does not hold."""


def expect(holds, what):
    if not holds:
        raise Fault(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def leaf_hash(data):
    return sha256(b"\x00", data)


def root_of(hashes_):
    """RFC 9162 section 2.1.1, over leaf hashes."""
    if not hashes_:
        return sha256()
    row = list(hashes_)
    while len(row) > 1:
        pairs = [sha256(b"\x01", row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        row = pairs + ([row[-1]] if len(row) % 2 else [])
    return row[0]


def tile_path(kind, index, width):
    """C2SP tlog-tiles: groups of three digits, all but the last with an x, and .p/W for a partial tile."""
    groups = []
    rest = index
    while True:
        groups.insert(0, f"{rest % 1000:03}")
        rest //= 1000
        if rest == 0:
            break
    path = "/".join([f"x{group}" for group in groups[:-1]] + [groups[-1]])
    return f"/ledger/tile/{kind}/{path}" + ("" if width == WIDTH else f".p/{width}")


class Node:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read()

    def leaves(self, size):
        """Every leaf's bytes, from the entry bundles."""
        for index in range(0, (size + WIDTH - 1) // WIDTH):
            width = min(WIDTH, size - index * WIDTH)
            bundle = self.get(tile_path("entries", index, width))
            at = 0
            for _ in range(width):
                (length,) = struct.unpack_from(">H", bundle, at)
                yield bundle[at + 2 : at + 2 + length]
                at += 2 + length
            expect(at == len(bundle), f"entry bundle {index} is longer than its entries")

    def tile(self, level, index, width):
        data = self.get(tile_path(level, index, width))
        expect(len(data) == width * 32, f"tile {level}/{index} is not {width} hashes")
        return [data[at : at + 32] for at in range(0, len(data), 32)]


def key_of(jwk):
    numbers = [int.from_bytes(from_base64url(jwk[name]), "big") for name in ("x", "y")]
    return ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()


def spki(key):
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def verify(key, signature, message, what):
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Fault(f"the signature on {what} does not hold") from None


def version(document, known, what):
    found = document.get("version")
    expect(found == known, f"{what} is of version {found}, and version {known} is read here: use the replay.py of the node's version")


def members_hash(members):
    """SHA-256 over the members' entries in their one form."""
    entry = lambda member: {name: member[name] for name in ("kid", "name", "jwk", "noteKey")} | {
        "jwk": {name: member["jwk"][name] for name in ("kty", "crv", "x", "y")}
    }
    return sha256(json.dumps([entry(member) for member in members], separators=(",", ":"), ensure_ascii=False).encode())


class Anchor:
    """What is trusted: the ledger as it was after a block (docs/FORMATS.md, "Trust anchor")."""

    def __init__(self, trust):
        version(trust, 2, "the trust anchor")
        self.origin, self.height, self.size = trust["origin"], trust["height"], trust["size"]
        self.root = from_base64url(trust["root"])
        self.members_hash = members_hash(trust["members"])
        genesis = sha256(trust["genesis"].rpartition(".")[0].encode())
        fingerprint = sha256(genesis, struct.pack(">Q", self.height), self.root, self.members_hash)
        expect(fingerprint == from_base64url(trust["fingerprint"]), "the trust anchor's fingerprint is not that of what it says")
        self.keys = {member["kid"]: key_of(member["jwk"]) for member in trust["members"]}
        self.note_keys = {}
        for member in trust["members"]:
            key = self.keys[member["kid"]]
            expect(sha256(spki(key)) == from_base64url(member["kid"]), "a member's kid is not its key's thumbprint")
            raw = from_base64url(member["noteKey"])
            self.note_keys[sha256(spki(key))[:4]] = key
            named = sha256(self.origin.encode(), b"\n", ED25519, raw)[:4]
            self.note_keys[named] = ed25519.Ed25519PublicKey.from_public_bytes(raw)

    def check_note(self, text, signatures):
        """A node's two lines, by its ECDSA key and by its Ed25519 key, among those of others."""
        held = set()
        for line in signatures.splitlines():
            name, value = line.removeprefix("\u2014 ").split(" ")
            raw = base64.b64decode(value)
            key = self.note_keys.get(raw[:4])
            if name != self.origin or key is None:
                continue
            verify(key, raw[4:], text.encode(), "the note")
            held.add("Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "ECDSA")
        for kind in ("ECDSA", "Ed25519"):
            expect(kind in held, f"the note has no {kind} signature of a member")


def raw_to_der(raw):
    expect(len(raw) == 64, "a commit's signature is not 64 bytes")
    return utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


def check(url):
    node = Node(url)
    anchor = Anchor(json.loads(node.get("/trust")))

    # The block and the checkpoint are two requests: ask again until they are of one moment.
    for _ in range(20):
        note = node.get("/ledger/checkpoint").decode()
        block = json.loads(node.get("/ledger/blocks/latest"))
        text, signatures = note.split("\n\n", 1)
        text += "\n"
        if text == block["checkpoint"]:
            break
    expect(text == block["checkpoint"], "checkpoint and latest block never agree")
    origin, size, root = text.splitlines()
    size = int(size)
    expect(origin == anchor.origin, "the checkpoint is of another origin than the trust anchor")
    anchor.check_note(text, signatures)

    # The tree, from entries up: each tile must be what the one below it gives.
    last_leaf = b""
    row = []
    for last_leaf in node.leaves(size):
        row.append(leaf_hash(last_leaf))
    level, below, count = 0, row, 0
    while True:
        for index in range(0, (len(below) + WIDTH - 1) // WIDTH):
            part = below[index * WIDTH : (index + 1) * WIDTH]
            expect(node.tile(level, index, len(part)) == part, f"tile {level}/{index} is not what lies below it gives")
            count += 1
        full = len(below) // WIDTH
        if full == 0:
            break
        below = [root_of(below[at * WIDTH : (at + 1) * WIDTH]) for at in range(full)]
        level += 1
    expect(root_of(row) == base64.b64decode(root), "the tiles do not give the checkpoint's root")

    # The seal at the last leaf, and the commit over the checkpoint.
    expect(last_leaf[:1] == b"\x00", "the checkpoint's last leaf is no seal")
    expect(last_leaf[1:].decode() == block["seal"], "the block's seal is not the one in the tree")
    seal = json.loads(block["seal"])
    version(seal, 2, "the seal")
    expect(seal["rules"] == 1 and seal["enacted"] == [], "the block goes by rules that are not known here")
    commit = block["commit"]
    expect(seal["height"] == commit["height"], "seal and commit are of different heights")
    previous = seal["previousSize"]
    expect(seal["height"] >= anchor.height, "the block is below the trust anchor's: only an older trust anchor shows it")
    expect(root_of(row[: anchor.size]) == anchor.root, "the tree does not begin with the trust anchor's")
    expect(root_of(row[:previous]) == from_base64url(seal["previousRoot"]), "the seal's previousRoot is wrong")
    if seal["height"] == anchor.height:
        # Trusted by the anchor, not by its commit.
        expect(size == anchor.size and from_base64url(seal["nextMembersHash"]) == anchor.members_hash, "the block is not the trust anchor's")
        return size, count, seal
    expect(from_base64url(seal["membersHash"]) == anchor.members_hash, "the seal names other members than the trust anchor")
    message = b"sealane/commit/v1\x00" + sha256(origin.encode())
    message += struct.pack(">QI", commit["height"], commit["round"]) + sha256(text.encode())
    signed = set()
    for entry in commit["signatures"]:
        expect(entry["alg"] == "ES256" and entry["kid"] in anchor.keys, "a commit's signature is no member's")
        verify(anchor.keys[entry["kid"]], raw_to_der(from_base64url(entry["signature"])), message, "the commit")
        signed.add(entry["kid"])
    expect(len(signed) > 2 * len(anchor.keys) / 3, "the commit has no quorum")
    return size, count, seal


def main():
    if len(sys.argv) != 2:
        print("usage: replay.py URL", file=sys.stderr)
        return 2
    try:
        size, tiles, seal = check(sys.argv[1])
    except (Fault, KeyError, ValueError, IndexError, struct.error) as fault:
        print(f"replay: {fault!r}" if not isinstance(fault, Fault) else f"replay: {fault}", file=sys.stderr)
        return 4
    except OSError as error:
        print(f"replay: {error}", file=sys.stderr)
        return 3
    print(f"replay: {size} leaves in {tiles} tiles give the root; seal and commit of block {seal['height']} hold")
    return 0


sys.exit(main())
