#!/usr/bin/env python3
"""Rebuilds a Sealane node's tree from its tiles alone, and checks seal and commit: an outsider's check.

Reads /trust, /ledger/checkpoint, /ledger/blocks/latest and /ledger/tile/..., and nothing else. Uses no code of Sealane's:
SHA-256 from Python, ECDSA from the `cryptography` package. Exit code 0 when all of it holds, 4 when something does not.

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
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

WIDTH = 256


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


def verify(key, signature_der, message, what):
    try:
        key.verify(signature_der, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Fault(f"the signature on {what} does not hold") from None


def raw_to_der(raw):
    expect(len(raw) == 64, "a commit's signature is not 64 bytes")
    return utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


def check(url):
    node = Node(url)
    trust = json.loads(node.get("/trust"))
    members = {member["kid"]: key_of(member["jwk"]) for member in trust["members"]}

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
    expect(origin == trust["origin"], "the checkpoint is of another origin than the trust anchor")

    # The signed note: type 0x02, ECDSA over the text, key id from the SPKI.
    for line in signatures.splitlines():
        name, value = line.removeprefix("\u2014 ").split(" ")
        raw = base64.b64decode(value)
        expect(name == origin, "the note is signed under another name")
        signers = [
            key
            for key in members.values()
            if sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))[:4] == raw[:4]
        ]
        expect(signers, "the note is signed by no member")
        verify(signers[0], raw[4:], text.encode(), "the note")

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
    commit = block["commit"]
    expect(seal["height"] == commit["height"], "seal and commit are of different heights")
    previous = seal["previousSize"]
    expect(root_of(row[:previous]) == from_base64url(seal["previousRoot"]), "the seal's previousRoot is wrong")
    message = b"sealane/commit/v1\x00" + sha256(origin.encode())
    message += struct.pack(">QI", commit["height"], commit["round"]) + sha256(text.encode())
    signed = set()
    for entry in commit["signatures"]:
        expect(entry["alg"] == "ES256" and entry["kid"] in members, "a commit's signature is no member's")
        verify(members[entry["kid"]], raw_to_der(from_base64url(entry["signature"])), message, "the commit")
        signed.add(entry["kid"])
    expect(len(signed) > 2 * len(members) / 3, "the commit has no quorum")
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
