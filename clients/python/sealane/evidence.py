#!/usr/bin/python3
"""Verifies the proofs and the completeness of an evidence document, from docs/FORMATS.md alone.

    evidence.py ANCHOR.json EVIDENCE.json [ID]  prints `holds: ...` (exit 0) or `refused: ...` (exit 4)
    evidence.py --set DIR                       one line of JSON for each DIR/*.json, of the form
                                                {"name", "anchor", "id", "evidence": "<the document's text>"}

It is a second reader of the page, written without the first one's code: where the two disagree, the page is not clear
enough, or one of them is wrong. Functions are named after the page's sections. The verdict is not its business.

Python 3.11 and `cryptography` (for ECDSA over P-256), nothing else.
"""

import base64
import bisect
import functools
import hashlib
import itertools
import json
import math
import os
import re
import sys
import unicodedata
from urllib.parse import unquote_to_bytes

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

SAFE = 2**53  # numbers are below it
DAY = 86_400_000  # milliseconds


class Refused(Exception):
    """The first reason why the evidence is worth nothing."""


def need(condition, reason):
    if not condition:
        raise Refused(reason)


def short(text, length=80):
    text = str(text)
    return text if len(text) <= length else text[:length] + "…"


# --- Formats: JSON, base64url, hashes, times ---------------------------------------------------------------------------


def strict_json(data, what):
    """Parses valid UTF-8 without a member named twice, at most 64 levels deep."""

    def members(pairs):
        read = dict(pairs)
        if len(read) != len(pairs):
            raise Refused(f"{what} names a member twice")
        return read

    def constant(text):
        raise Refused(f"{what} has {text}, which is no JSON")

    def real(text):
        number = float(text)
        need(math.isfinite(number) and (number or not re.match("[^eE]*[1-9]", text)), f"{what} has a number out of range")
        return number

    def integer(text):
        return real(text) if text == "-0" or len(text) > 300 else int(text)  # -0 is no whole number of anything

    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value = json.loads(text, object_pairs_hook=members, parse_int=integer, parse_float=real, parse_constant=constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails for half of a surrogate pair
    except (ValueError, RecursionError) as error:
        raise Refused(f"{what} is no strict JSON: {short(error)}") from None
    if text.count("[") + text.count("{") > 64:
        depth = 0
        for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
            depth += 1 if bracket in "[{" else -1
            need(depth <= 64, f"{what} is nested more than 64 levels deep")
    return value


def is_int(value, below=SAFE):
    return type(value) is int and 0 <= value < below


def obj(value, what, required, optional=()):
    """An object with exactly these members."""
    need(isinstance(value, dict), f"{what} is no object")
    for name in required:
        need(name in value, f"{what} lacks the member {name}")
    for name in value:
        need(name in required or name in optional, f"{what} has an unknown member {short(name)}")
    return value


def array(value, what):
    need(isinstance(value, list), f"{what} is no array")
    return value


WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)


def has_control(text):
    return any(unicodedata.category(c) == "Cc" for c in text)


def text_of(value, what):
    need(isinstance(value, str), f"{what} is no text")
    return value


def whole(value, what, below=SAFE):
    need(is_int(value, below), f"{what} is no whole number in range")
    return value


def sha256(data):
    return hashlib.sha256(data).digest()


def unbase64url(text, what, length=None):
    """base64url without padding and with spare bits of zero."""
    need(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]*", text, re.ASCII) and len(text) % 4 != 1, f"{what} is no base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(base64url(data) == text, f"{what} is base64url with spare bits that are not zero")
    need(length is None or len(data) == length, f"{what} has {len(data)} bytes, not {length}")
    return data


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hash_of(text, what):
    return unbase64url(text, what, 32)


TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
YEARS = (-62_167_219_200_000, 253_402_300_799_999)  # 0000 to 9999, in milliseconds


def days_since_1970(year, month, day):
    """Howard Hinnant's days from civil."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def any_time(text, what):
    """Any RFC 3339 time, cut to the millisecond, in milliseconds since 1970."""
    match = TIME.fullmatch(text) if isinstance(text, str) else None
    need(match, f"{what} is no RFC 3339 time")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    need(1 <= month <= 12 and 1 <= day <= days[month - 1] and hour < 24 and minute < 60 and second <= 60, f"{what} is no date")
    offset = 0
    if match[8]:
        need(int(match[9]) < 24 and int(match[10]) < 60, f"{what} has no real offset")
        offset = (int(match[9]) * 60 + int(match[10])) * (1 if match[8] == "+" else -1)
    minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset
    time = minutes * 60_000 + second * 1000 + int(((match[7] or "") + "000")[:3])
    if second == 60:  # a leap second ends a month in UTC, and counts as the millisecond before
        first_days = {days_since_1970(year + (month + i - 1) // 12, (month + i - 1) % 12 + 1, 1) for i in (0, 1)}
        need(minutes + 1 in {first * 1440 for first in first_days}, f"{what} has a second that never was")
        time = (minutes + 1) * 60_000 - 1
    need(YEARS[0] <= time <= YEARS[1], f"{what} is not of the years 0000 to 9999")
    return time


def written_time(time):
    """A time as the ledger writes it, from milliseconds: Howard Hinnant's civil from days."""
    days, rest = divmod(time, DAY)
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year = year_of_era + era * 400 + (month <= 2)
    seconds, millis = divmod(rest, 1000)
    return f"{year:04}-{month:02}-{day:02}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{millis:03}Z"


def own_time(text, what):
    """A time as the ledger writes it: UTC with exactly three digits of a second."""
    need(isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text, re.ASCII), f"{what} is not written as the ledger writes times")
    return any_time(text, what)


# --- Keys --------------------------------------------------------------------------------------------------------------

SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@functools.lru_cache(maxsize=4096)
def key_at(point):
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + point)
    except ValueError:
        raise Refused("a key is no point of P-256") from None


def jwk(value, what):
    """The 64 bytes of a key's point."""
    obj(value, what, ("kty", "crv", "x", "y"))
    need(value["kty"] == "EC" and value["crv"] == "P-256", f"{what} is not for P-256")
    point = hash_of(value["x"], f"{what}.x") + hash_of(value["y"], f"{what}.y")
    key_at(point)
    return point


def thumbprint(point):
    return sha256(SPKI + point)


@functools.lru_cache(maxsize=65536)
def signed_by(point, message_hash_input, signature):
    """Whether an ES256 signature (r and s, 32 bytes each) over these bytes holds."""
    if len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < ORDER and 0 < s < ORDER):
        return False
    try:
        key_at(point).verify(encode_dss_signature(r, s), message_hash_input, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


FIELD = 2**255 - 19
CURVE_D = -121_665 * pow(121_666, -1, FIELD) % FIELD


def ed25519_point(data):
    """The point of a public key by RFC 8032 §5.1.3, or None."""
    number = int.from_bytes(data, "little")
    y, sign = number % 2**255, number >> 255
    if y >= FIELD:
        return None
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if (x * x - square) % FIELD:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    if (x * x - square) % FIELD or (x == 0 and sign):
        return None
    return (x if x % 2 == sign else FIELD - x), y


def is_of_small_order(point):
    """Whether eight times the point is the neutral element."""
    x, y = point
    for _ in range(3):
        product = CURVE_D * x * x * y * y % FIELD
        x, y = 2 * x * y * pow(1 + product, -1, FIELD) % FIELD, (y * y + x * x) * pow(1 - product, -1, FIELD) % FIELD
    return (x, y) == (0, 1)


@functools.lru_cache(maxsize=4096)
def note_key(text):
    point = ed25519_point(hash_of(text, "a noteKey"))
    need(point and not is_of_small_order(point), "a noteKey is no point of Ed25519, or one of small order")
    return text


# --- Statement ---------------------------------------------------------------------------------------------------------


RESERVED_TYPS = ("epcis+sd-jwt", *(f"sealane-{kind}+jws" for kind in ("key", "mandate", "erasure", "owner", "document", "contract")))


class Statement:
    """What the bytes of one statement say by themselves: nobody has been believed yet."""

    def __init__(self, compact):
        need(len(compact) <= 4_194_304, "a statement is longer than 4 MiB")
        parts = compact.split(".")
        need(len(parts) == 3, "a statement has not three parts")
        self.compact = compact
        self.length = len(compact)
        raw = unbase64url(parts[0], "a statement's header")
        need(len(raw) <= 4096, "a statement's header is longer than 4096 bytes")
        header = strict_json(raw, "a statement's header")
        need(isinstance(header, dict), "a statement's header is no object")
        need(header.get("alg") == "ES256", "a statement's alg is not ES256")
        need(header.get("typ") not in RESERVED_TYPS, "a statement's typ is kept for later")
        need(header.get("typ") in ("epcis+jws", "sealane-admin+jws"), "a statement's typ is not known")
        self.capture = header["typ"] == "epcis+jws"
        signer = "x5t#S256" if self.capture else "kid"
        obj(header, "a statement's header", ("alg", "typ", signer, "aud", "iat"))
        self.signer = hash_of(header[signer], f"a statement's {signer}")
        self.aud = text_of(header["aud"], "a statement's aud")
        need(1 <= len(self.aud) <= 255, "a statement's aud has not 1 to 255 characters")
        need(type(header["iat"]) is int and YEARS[0] <= header["iat"] * 1000 <= YEARS[1], "a statement's iat is no time")
        self.payload = unbase64url(parts[1], "a statement's payload")
        need(self.payload, "a statement says nothing")
        self.signature = unbase64url(parts[2], "a statement's signature", 64)
        self.signing_input = compact[: compact.rindex(".")].encode()
        self.id = sha256(self.signing_input)
        self.leaf_hash = leaf_hash_of(compact.encode())

    def is_signed_by(self, point):
        return signed_by(point, self.signing_input, self.signature)

    @functools.cached_property
    def events(self):
        return epcis_events(self.payload)

    @functools.cached_property
    def admin(self):
        return admin_statement(self.payload)

    @functools.lru_cache(maxsize=4)
    def names(self, participant):
        """The subjects that it names, where this participant signed."""
        return set().union(*(event.names(participant) for event in self.events)) if self.capture else admin_names(self.admin, self.id)

    @functools.lru_cache(maxsize=4)
    def acts(self, participant):
        """What it says to have done with each id that it names; with other subjects nothing."""
        done = {}
        for event in self.events if self.capture else ():
            for kind, subject in event.names(participant):
                if kind == "id":
                    done[subject] = done.get(subject, 0) | event.acts(subject)
        return done


@functools.lru_cache(maxsize=16384)
def read_statement(compact):
    try:
        return Statement(compact)
    except Refused as refusal:
        return refusal


def statement(compact, what):
    text_of(compact, what)
    need(compact.isascii(), f"{what} is no statement")
    read = read_statement(compact)
    if isinstance(read, Refused):
        raise Refused(str(read))
    return read


# --- Tree --------------------------------------------------------------------------------------------------------------


def leaf_hash(data):
    return sha256(b"\x00" + data)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def tree_root(leaf_hashes):
    """RFC 9162 §2.1.1, from the hashes of all leaves: the highest subtrees from left to right, then joined from the right."""
    stack = []
    for count, digest in enumerate(leaf_hashes, 1):
        stack.append(digest)
        while count % 2 == 0:
            count //= 2
            right = stack.pop()
            stack.append(node_hash(stack.pop(), right))
    if not stack:
        return sha256(b"")
    root = stack.pop()
    while stack:
        root = node_hash(stack.pop(), root)
    return root


def multi_leaf_inclusion_proof(size, leaves, proof, what):
    """The root that a proof leads to, from (index, hash) in ascending order. With no leaf it is the proof's only hash."""
    indices = [index for index, _ in leaves]
    need(not indices or indices[-1] < size, f"{what} shows a leaf outside the tree")
    rest = iter(proof)

    def range_hash(low, high, first, last):
        if first == last:
            digest = next(rest, None)
            need(digest is not None, f"{what} has too few hashes")
            return digest
        if high - low == 1:
            return leaves[first][1]
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        split = bisect.bisect_left(indices, middle, first, last)
        left = range_hash(low, middle, first, split)
        return node_hash(left, range_hash(middle, high, split, last))

    root = range_hash(0, size, 0, len(leaves))
    need(next(rest, None) is None, f"{what} has a hash left over")
    return root


# --- Leaf --------------------------------------------------------------------------------------------------------------


def leaf_hash_of(compact):
    """The hash of the leaf that a statement in compact form has."""
    if len(compact) <= 65_534:
        return leaf_hash(b"\x01" + compact)
    return leaf_hash(b"\x02" + sha256(compact) + len(compact).to_bytes(4, "big"))


# --- Block and seal ----------------------------------------------------------------------------------------------------


def version(value, known, what):
    """Looks at a version before any other member."""
    found = value.get("version") if isinstance(value, dict) else None
    need(is_int(found), f"{what} has no version")
    need(found == known, f"{what} is of version {found}, and version {known} is read here")


def rules(value, what):
    need(is_int(value), f"the rules of {what} are no number")
    need(value == 1, f"{what} goes by rules {value}, and rules 1 are known here")


class Seal:
    MEMBERS = (
        "version", "height", "time", "previousSize", "previousRoot", "indexRoot", "membersHash", "nextMembersHash", "rules", "enacted",
    )  # fmt: skip

    def __init__(self, index, text):
        value = strict_json(text, "a seal")
        version(value, 2, "a seal")
        obj(value, "a seal", self.MEMBERS)
        rules(value["rules"], "a seal")
        enacted = [hash_of(text, "what a seal enacts") for text in array(value["enacted"], "enacted")]
        need(len(enacted) <= 100 and len(set(enacted)) == len(enacted), "a seal enacts more than 100 proposals, or one twice")
        self.enacted = enacted
        self.index = index
        self.height = whole(value["height"], "a seal's height")
        self.time = own_time(value["time"], "a seal's time")
        self.previous_size = whole(value["previousSize"], "a seal's previousSize")
        self.index_root = hash_of(value["indexRoot"], "a seal's indexRoot")
        self.members_hash = hash_of(value["membersHash"], "a seal's membersHash")
        nothing = {self.height == 0, self.previous_size == 0, hash_of(value["previousRoot"], "a seal's previousRoot") == sha256(b"")}
        need(len(nothing) == 1, "a seal is half of genesis")
        self.next_members_hash = hash_of(value["nextMembersHash"], "a seal's nextMembersHash")
        written = json.dumps({name: value[name] for name in self.MEMBERS}, separators=(",", ":"))
        need(written == text, "a seal is not written as seals are")
        self.leaf_hash = leaf_hash(b"\x00" + text.encode())


def members(value, what):
    """The members' keys by kid, membersHash, and their entries as they stand under it."""
    need(1 <= len(array(value, what)) <= 100, f"{what} are not 1 to 100")
    keys, written = {}, []
    for member in value:
        obj(member, "a member", ("kid", "name", "jwk", "noteKey"))
        point = jwk(member["jwk"], "a member's jwk")
        kid = hash_of(member["kid"], "a member's kid")
        need(kid == thumbprint(point), "a member's kid is not its key's thumbprint")
        need(not keys or max(keys) < kid, f"{what} are not in order of kid")
        name = text_of(member["name"], "a member's name")
        need(1 <= len(name) <= 200 and not has_control(name), "a member's name is none")
        keys[kid] = point
        key = {name: member["jwk"][name] for name in ("kty", "crv", "x", "y")}
        written.append({"kid": member["kid"], "name": name, "jwk": key, "noteKey": note_key(member["noteKey"])})
    need(len({kid[:16] for kid in keys}) == len(keys), f"{what} have the first 16 bytes of a kid twice")
    need(len({member["noteKey"] for member in written}) == len(keys), f"{what} have one noteKey twice")
    entries = [json.dumps(member, separators=(",", ":"), ensure_ascii=False).encode() for member in written]
    return keys, sha256(b"[" + b",".join(entries) + b"]"), entries


# --- Checkpoint and commit ---------------------------------------------------------------------------------------------


def is_origin(text):
    return isinstance(text, str) and 1 <= len(text) <= 255 and not has_control(text) and not {"+", *WHITE} & set(text)


def checkpoint(text, origin):
    lines = text_of(text, "the checkpoint").split("\n")
    need(len(lines) == 4 and lines[3] == "", "the checkpoint has not three lines")
    need(lines[0] == origin, "the checkpoint is of another ledger")
    need(re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1]) and int(lines[1]) < SAFE, "the checkpoint's size is no number")
    need(re.fullmatch(r"[A-Za-z0-9+/]{43}=", lines[2]), "the checkpoint's root is no hash")
    root = base64.b64decode(lines[2])
    need(base64.b64encode(root).decode() == lines[2], "the checkpoint's root has spare bits that are not zero")
    return int(lines[1]), root


def commit_bytes(origin, height, round_, text):
    return (
        b"sealane/commit/v1\x00" + sha256(origin.encode()) + height.to_bytes(8, "big") + round_.to_bytes(4, "big") + sha256(text.encode())
    )


def shape_of_commit(value):
    """A commit that has its members, whoever signed it."""
    obj(value, "the commit", ("height", "round", "signatures"))
    whole(value["height"], "the commit's height")
    whole(value["round"], "the commit's round", 2**32)
    for entry in array(value["signatures"], "the commit's signatures"):
        obj(entry, "a vote", ("alg", "kid", "signature"))
        text_of(entry["alg"], "a vote's alg")
        hash_of(entry["kid"], "a vote's kid")
        unbase64url(entry["signature"], "a vote's signature", 64)


def commit(value, origin, text, keys, trusted=False):
    """The height that a certificate of commit makes final, and how many signed; of a block that is trusted nobody need have."""
    obj(value, "the commit", ("height", "round", "signatures"))
    height = whole(value["height"], "the commit's height")
    message = commit_bytes(origin, height, whole(value["round"], "the commit's round", 2**32), text)
    signed = set()
    for entry in array(value["signatures"], "the commit's signatures"):
        obj(entry, "a vote", ("alg", "kid", "signature"))
        need(text_of(entry["alg"], "a vote's alg") == "ES256" or trusted, "a vote's alg is not ES256")
        kid = hash_of(entry["kid"], "a vote's kid")
        if trusted:
            unbase64url(entry["signature"], "a vote's signature", 64)
            continue
        need(kid in keys, "a vote is a stranger's")
        need(kid not in signed, "a member votes twice")
        signature = unbase64url(entry["signature"], "a vote's signature", 64)
        need(signed_by(keys[kid], message, signature), "a vote's signature does not hold")
        signed.add(kid)
    need(trusted or len(signed) >= 2 * len(keys) // 3 + 1, "the commit has too few votes")
    return height, len(signed)


# --- Handover ----------------------------------------------------------------------------------------------------------


class Handover:
    """One change of members as it is shown: nothing of it is believed yet."""

    def __init__(self, value):
        obj(value, "a handover", ("checkpoint", "commit", "seal", "sealInclusionProof", "members"))
        self.checkpoint, self.commit = text_of(value["checkpoint"], "a handover's checkpoint"), value["commit"]
        shape_of_commit(self.commit)
        self.seal = Seal(None, text_of(value["seal"], "a handover's seal"))
        self.proof = [hash_of(text, "a hash of sealInclusionProof") for text in array(value["sealInclusionProof"], "sealInclusionProof")]
        self.keys, self.hash, _ = members(value["members"], "a handover's members")


class Chain:
    """Who is in force at each height above an anchor's."""

    def __init__(self, anchor, handovers):
        need(len(handovers) <= 500, "there are more than 500 handovers")
        self.anchor = anchor
        self.sets = [(anchor.height, anchor.keys, anchor.members_hash)]  # each from the height after its own
        self.votes = 0
        heights = [handover.seal.height for handover in handovers]
        ascending(heights, "the handovers")
        for handover in handovers:
            if handover.seal.height > anchor.height:  # the anchor has what the others led to
                self.append(handover)

    def append(self, handover):
        seal = handover.seal
        _, keys, hash_ = self.sets[-1]
        size, root = checkpoint(handover.checkpoint, self.anchor.origin)
        need(seal.members_hash == hash_, f"the handover before that of block {seal.height} is left out")
        need(seal.next_members_hash != seal.members_hash, f"block {seal.height} changes no members")
        need(seal.next_members_hash == handover.hash, f"block {seal.height} hands over to other members")
        height, votes = commit(handover.commit, self.anchor.origin, handover.checkpoint, keys)
        need(seal.height == height and seal.previous_size < size, "a handover's seal is of another block than its commit")
        need(last_leaf_root(size, seal.leaf_hash, handover.proof) == root, "a handover's seal is not the last leaf of its tree")
        self.votes += votes
        self.sets.append((height, handover.keys, handover.hash))

    def in_force(self, height):
        """The keys and the hash of those whose quorum makes the block of this height final; None where the anchor does not say."""
        before = [one for one in self.sets if one[0] < height]
        return before[-1][1:] if before else (None, None)

    def check_seal(self, seal):
        _, hash_ = self.in_force(seal.height)
        need(hash_ is None or seal.members_hash == hash_, f"block {seal.height} was made by other members than the handovers lead to")


def last_leaf_root(size, digest, proof):
    """The root of a tree of so many leaves from its last one: everything else stands to the left of it."""
    rest = size - 1
    for sibling in proof:
        need(rest > 0, "a proof has a hash left over")
        while rest % 2 == 0:
            rest //= 2
        digest = node_hash(sibling, digest)
        rest //= 2
    need(rest == 0, "a proof has too few hashes")
    return digest


# --- Index -------------------------------------------------------------------------------------------------------------

KINDS = {
    name: byte
    for byte, name in enumerate(
        "id party prefix transformation policy recall blind mandate owner document transaction key contract notice erasure proposal fault".split(), 1
    )
}
OF_CAPTURES = ("id", "transformation", "recall", "transaction")
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def index_key(kind, subject):
    return sha256(b"sealane/index/v2\x00" + bytes([KINDS[kind]]) + subject.encode())


def index_value(count, list_root):
    return sha256(b"\x05" + count.to_bytes(8, "big") + list_root)


def participant_signer(participant):
    return b"\x00" + bytes.fromhex(participant.replace("-", ""))


def member_signer(kid):
    return b"\x01" + kid[:16]


def signer(text, what):
    """The 17 bytes of a signer that JSON names."""
    text_of(text, what)
    return participant_signer(text) if re.fullmatch(UUID, text, re.ASCII) else member_signer(unbase64url(text, what, 16))


def participant_of(tag):
    """The participant that 17 bytes name; None of a member."""
    digits = tag[1:].hex()
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]]) if tag[0] == 0 else None


def list_entry(leaf, signer_, acts):
    """The hash of a list's entry."""
    return leaf_hash(leaf.to_bytes(8, "big") + signer_ + bytes([acts]))


EMPTY_SUBTREE = sha256(b"\x04")


def index_leaf_node(key, value):
    return sha256(b"\x02" + key + value)


def bit(key, depth):
    return key[depth // 8] >> (7 - depth % 8) & 1


def whole_index(nodes, depth=0):
    """The root over {key: value}."""
    if not nodes:
        return EMPTY_SUBTREE
    if len(nodes) == 1:
        return index_leaf_node(*next(iter(nodes.items())))
    halves = [{k: v for k, v in nodes.items() if bit(k, depth) == side} for side in (0, 1)]
    return sha256(b"\x03" + whole_index(halves[0], depth + 1) + whole_index(halves[1], depth + 1))


def index_root(key, end, siblings):
    """Joins the hash at the end of a key's way with the siblings, from the last to the first."""
    for depth in range(len(siblings) - 1, -1, -1):
        sibling = siblings[depth]
        end = sha256(b"\x03" + (sibling + end if bit(key, depth) else end + sibling))
    return end


class Entry:
    """One subject of `index`, and the part of its list that is shown."""

    def __init__(self, value, signers):
        required = ("kind", "subject", "count", "first", "leaves", "signers", "acts", "path", "siblings")
        obj(value, "an entry of index", required, ("other",))
        kind, subject = text_of(value["kind"], "a kind"), text_of(value["subject"], "a subject")
        need(kind in KINDS, f"no kind is called {short(kind)}")
        self.kind, self.subject, self.name = kind, subject, f"{kind} {short(subject)}"
        self.order = (KINDS[kind], subject.encode())
        self.count = whole(value["count"], f"count of {self.name}")
        self.first = whole(value["first"], f"first of {self.name}")
        self.leaves = array(value["leaves"], f"leaves of {self.name}")
        for leaf in self.leaves:
            whole(leaf, f"a leaf of {self.name}")
        need(all(a < b for a, b in zip(self.leaves, self.leaves[1:])), f"leaves of {self.name} are not in order")
        self.numbers = array(value["signers"], f"signers of {self.name}")
        self.acts = array(value["acts"], f"acts of {self.name}")
        need(len(self.numbers) == len(self.acts) == len(self.leaves), f"leaves, signers and acts of {self.name} have not one length")
        self.signers = [signers[whole(number, f"a signer's number in {self.name}", len(signers))] for number in self.numbers]
        for acts in self.acts:
            whole(acts, f"acts in {self.name}", 256)
        self.end = self.first + len(self.leaves)
        need(self.end <= self.count, f"{self.name} shows more than its list has")
        need(self.leaves or self.first == 0, f"{self.name} shows nothing, and not from the first position")
        self.path = [hash_of(text, f"a hash in the path of {self.name}") for text in array(value["path"], f"path of {self.name}")]
        self.siblings = [
            EMPTY_SUBTREE if text is None else hash_of(text, f"a sibling of {self.name}")
            for text in array(value["siblings"], f"siblings of {self.name}")
        ]
        need(len(self.siblings) <= 256, f"{self.name} has more than 256 siblings")
        empty = base64url(EMPTY_SUBTREE)
        need(empty not in value["siblings"], f"{self.name} writes an empty subtree as its hash")
        self.other = None
        if "other" in value:
            other = obj(value["other"], f"other of {self.name}", ("key", "value"))
            self.other = hash_of(other["key"], "the key of other"), hash_of(other["value"], "the value of other")

    def verify(self, root):
        key = index_key(self.kind, self.subject)
        if self.count == 0:
            need(not self.path, f"{self.name} is absent and has a path")
            end = EMPTY_SUBTREE
            if self.other:
                depth = len(self.siblings)
                need(self.other[0] != key, f"{self.name} is called absent by its own key")
                need(int.from_bytes(self.other[0], "big") >> 256 - depth == int.from_bytes(key, "big") >> 256 - depth, f"other of {self.name} stands elsewhere")
                end = index_leaf_node(*self.other)
        else:
            need(self.other is None, f"{self.name} is present and has other")
            shown = [(self.first + i, list_entry(*said)) for i, said in enumerate(zip(self.leaves, self.signers, self.acts))]
            end = index_leaf_node(key, index_value(self.count, multi_leaf_inclusion_proof(self.count, shown, self.path, f"the path of {self.name}")))
        need(index_root(key, end, self.siblings) == root, f"{self.name} is not so in the index")

    def shows(self, leaf):
        at = bisect.bisect_left(self.leaves, leaf)
        return at < len(self.leaves) and self.leaves[at] == leaf

    def would_show(self, leaf):
        """Whether the part of the list in which this leaf would stand is shown."""
        if not self.leaves:
            return self.count == 0
        after_start = self.first == 0 or self.leaves[0] < leaf
        before_end = self.end == self.count or leaf < self.leaves[-1]
        return after_start and before_end


# --- Ids ---------------------------------------------------------------------------------------------------------------

GS1 = "https://id.gs1.org/"
X = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
ANY = f"[{re.escape(X)}]"
# AI: early name, shape, how many first digits end with a check digit, what may follow in a path, what makes another id,
# where its prefix digits lie (None: as far as the value begins with digits)
KEYS = {
    "00": ("sscc", r"\d{18}", 18, (), (), (1, 17)),
    "01": ("gtin", r"\d{14}", 14, (("22", "10", "21"), ("235",)), ("235", "21", "10"), (1, 13)),
    "253": ("gdti", rf"\d{{13}}{ANY}{{0,17}}", 13, (), (), (0, 12)),
    "255": ("gcn", r"\d{13,25}", 13, (), (), (0, 12)),
    "401": ("ginc", rf"\d{{4}}{ANY}{{0,26}}", 0, (), (), None),
    "402": ("gsin", r"\d{17}", 17, (), (), (0, 16)),
    "414": ("gln", r"\d{13}", 13, (("254",), ("7040",)), ("254",), (0, 12)),
    "415": ("payTo", r"\d{13}", 13, (("8020",),), ("8020",), (0, 12)),
    "417": ("party", r"\d{13}", 13, (("7040",),), (), (0, 12)),
    "8003": ("grai", rf"0\d{{13}}{ANY}{{0,16}}", 14, (), (), (1, 13)),
    "8004": ("giai", rf"\d{{4}}{ANY}{{0,26}}", 0, (("7040",),), (), None),
    "8006": ("itip", r"\d{18}", 14, (("22", "10", "21"),), ("21", "10"), (1, 13)),
    "8010": ("cpid", r"\d{4}[#\-/0-9A-Z]{0,26}", 0, (("8011",),), ("8011",), None),
    "8013": ("gmn", rf"\d{{4}}{ANY}{{0,21}}", 0, (), (), None),
    "8017": ("gsrnp", r"\d{18}", 18, (("8019",),), ("8019",), (0, 17)),
    "8018": ("gsrn", r"\d{18}", 18, (("8019",),), ("8019",), (0, 17)),
}
QUALIFIERS = {
    "22": ("cpv", rf"{ANY}{{1,20}}"), "10": ("lot", rf"{ANY}{{1,20}}"), "21": ("ser", rf"{ANY}{{1,20}}"),
    "254": ("glnx", rf"{ANY}{{1,20}}"), "235": ("tpx", rf"{ANY}{{1,28}}"), "7040": ("uic", rf"\d{ANY}{{3}}"),
    "8011": ("cpsn", r"[1-9]\d{0,11}"), "8019": ("srin", r"\d{1,10}"), "8020": ("refno", rf"{ANY}{{1,25}}"),
}  # fmt: skip
KEY_NAMES = {name: ai for ai, (early, *_) in KEYS.items() for name in (ai, early)}
QUALIFIER_NAMES = {name: ai for ai, (early, _) in QUALIFIERS.items() for name in (ai, early)}
# EPC scheme: AI, digits of prefix and reference together (0: text), whether leading, the fields after them: "" belongs to
# the key's value, "*" is a pattern's
URNS = {
    "id:sgtin": ("01", 13, True, "21"), "class:lgtin": ("01", 13, True, "10"), "id:upui": ("01", 13, True, "235"),
    "id:sscc": ("00", 17, True), "id:sgln": ("414", 12, False, "254"), "id:pgln": ("417", 12, False),
    "id:grai": ("8003", 12, False, ""), "id:gdti": ("253", 12, False, ""), "id:sgcn": ("255", 12, False, ""),
    "id:gsrn": ("8018", 17, False), "id:gsrnp": ("8017", 17, False), "id:gsin": ("402", 16, False),
    "id:itip": ("8006", 13, True, "", "", "21"), "id:giai": ("8004", 0, False), "id:ginc": ("401", 0, False),
    "id:cpi": ("8010", 0, False, "8011"), "idpat:sgtin": ("01", 13, True, "*"), "idpat:upui": ("01", 13, True, "*"),
    "idpat:grai": ("8003", 12, False, "*"), "idpat:gdti": ("253", 12, False, "*"), "idpat:sgcn": ("255", 12, False, "*"),
    "idpat:itip": ("8006", 13, True, "", "", "*"), "idpat:cpi": ("8010", 0, False, "*"),
}  # fmt: skip


def check_digit(digits):
    return str(-sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits))) % 10)


def check_pair(model):
    primes = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)
    total = sum(X.index(c) * p for c, p in zip(reversed(model), primes)) % 1021
    pairs = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    return pairs[total >> 5] + pairs[total & 31]


def encode(value):
    return "".join(c if re.match(r"[A-Za-z0-9._~-]", c) else f"%{ord(c):02X}" for c in value)


def decode(text):
    """What is no UTF-8 becomes a character that no value has."""
    return unquote_to_bytes(text).decode("utf-8", "replace")


def fits(shape, text):
    return re.fullmatch(shape, text, re.ASCII) is not None


def gs1_id(ai, value, qualifiers):
    """The canonical form of a key with its qualifiers, once their values are checked."""
    _, shape, checked, _, identifying, _ = KEYS[ai]
    need(fits(shape, value), f"({ai}) {short(value)} is none")
    if checked:
        need(check_digit(value[: checked - 1]) == value[checked - 1], f"({ai}) {short(value)} has a wrong check digit")
    if ai == "8013":
        need(check_pair(value[:-2]) == value[-2:], f"({ai}) {short(value)} has wrong check characters")
    if ai == "8006":
        need("01" <= value[14:16] <= value[16:18], f"({ai}) {short(value)} has no such piece")
    for name, text in qualifiers.items():
        need(fits(QUALIFIERS[name][1], text), f"({name}) {short(text)} is none")
    need(ai != "415" or "8020" in qualifiers, "(415) identifies nothing without (8020)")
    canonical = f"{GS1}{ai}/{encode(value)}"
    for name in identifying:
        if name in qualifiers and (name, qualifiers[name]) != ("254", "0"):
            return f"{canonical}/{name}/{encode(qualifiers[name])}"
    return canonical


def digital_link(official, path, text, beside=None):
    """Rules 1 to 3; None where the path has no key. Puts the qualifiers into `beside`."""
    segments = [decode(segment) for segment in path.split("/")[1:]]
    for at in range(len(segments) - 2, -1, -1):
        ai = KEY_NAMES.get(segments[at])
        if ai is None:
            continue
        value, rest = segments[at + 1], segments[at + 2 :]
        _, shape, checked, lists, _, _ = KEYS[ai]
        if ai == "01" and len(value) in (8, 12, 13):
            value = value.zfill(14)
        names = [QUALIFIER_NAMES.get(name) for name in rest[::2]]
        mine = [name for one in lists for name in one]
        if not fits(shape, value) or not (checked or official or not names or names[0] in mine):
            continue
        ordered = any(names == [name for name in one if name in names] for one in lists) or not names
        need(len(rest) % 2 == 0 and ordered, f"{short(text)} has after ({ai}) what cannot follow")
        if beside is not None:
            beside.extend(zip(names, rest[1::2]))
        return gs1_id(ai, value, dict(zip(names, rest[1::2])))
    need(not official, f"{short(text)} holds no GS1 key")
    return None


def urn(path, has_more, text):
    """Rules 4 and 5; None where the URN stands as it is."""
    space, _, name = path.partition(":")
    need(space and name, f"{short(text)} is no URN")
    if space.lower() == "epcglobal":
        need("" not in name.split(":"), f"{short(text)} has an empty part")
    if space.lower() != "epc":
        return None
    parts = name.split(":", 2)
    need(len(parts) == 3 and not has_more, f"{short(text)} is no EPC URN")
    scheme, body = ":".join(parts[:2]), parts[2]
    if scheme in ("id:gid", "id:usdod", "id:adi", "id:bic", "id:imovn") and body:
        return None
    need(scheme in URNS, f"{short(text)} is of no EPC scheme")
    ai, length, leading, *further = URNS[scheme]
    prefix, *fields = body.split(".", 1 + len(further))
    need(len(fields) == 1 + len(further), f"{short(text)} has too few fields")
    need(fits(r"\d{6,12}", prefix), f"{short(text)} has no company prefix")
    reference = decode(fields[0])
    value = prefix + reference
    need(reference, f"{short(text)} has no reference")
    if length:
        need(fits(r"\d+", reference) and len(value) == length, f"{short(text)} has not {length} digits")
        value = reference[0] + prefix + reference[1:] if leading else value
        value = ("0" if ai == "8003" else "") + value + check_digit(value)
    qualifiers = {}
    for at, (meaning, field) in enumerate(zip(further, fields[1:]), 1):
        if meaning == "*":
            need(field == "*", f"{short(text)} is no pattern of a class")
        elif meaning:
            qualifiers[meaning] = decode(field)
        elif at < len(further):
            need(len(field) == 2, f"{short(text)} has no piece or total of two digits")
            value += field
        else:
            need(field, f"{short(text)} has an empty field")
            value += decode(field)
    return gs1_id(ai, value, qualifiers)


URI = re.compile(
    r"([A-Za-z][A-Za-z0-9+.\-]*):(?://(?:(?:[\w.~!$&'()*+,;=:-]|%\w\w)*@)?(\[[A-Za-z0-9:.]+\]|(?:[\w.~!$&'()*+,;=-]|%\w\w)*)(?::\d*)?(?=[/?#]|$))?"
    r"([\w.~!$&'()*+,;=:@/-]*(?:%[0-9A-Fa-f]{2}[\w.~!$&'()*+,;=:@/-]*)*)(?:\?([^#]*))?(?:#([^#]*))?",
    re.ASCII,
)


@functools.lru_cache(maxsize=65536)
def read_id(text):
    match = len(text) <= 1024 and URI.fullmatch(text)
    sound = match and fits(r"(?:[\w.~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*", text)
    sound = sound and not set("[]") & set((match[4] or "") + (match[5] or "")) and not (match[2] is None and match[3].startswith("//"))
    http = bool(sound) and match[1].lower() in ("http", "https")
    if not sound or not (match[2] if http else match[2] is not None or match[3]):
        return Refused(f"{short(text)} is no absolute URI")
    try:
        if http:
            return digital_link(match[2].removesuffix(".").lower() == "id.gs1.org", match[3], text) or text
        if match[1].lower() == "urn":
            return urn(match[3], bool(match[4] or match[5]), text) or text
        return text
    except Refused as refusal:
        return refusal


def canonical_id(text, what="an id"):
    """The canonical form of an id."""
    read = read_id(text_of(text, what))
    if isinstance(read, Refused):
        raise Refused(str(read))
    return read


def qualifiers(text):
    """What stands in the path of a Digital Link after its key, as pairs."""
    match, beside = URI.fullmatch(text), []
    if match and match[1].lower() in ("http", "https") and not isinstance(read_id(text), Refused):
        digital_link(match[2].removesuffix(".").lower() == "id.gs1.org", match[3], text, beside)
    return beside


def days_in(year, month):
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] if 1 <= month <= 12 else 0


def is_date(digits, first=0):
    return fits(r"\d{6}", digits) and first <= int(digits[4:]) <= days_in(int(digits[:2]), int(digits[2:4])) and "00" < digits[2:4]


# "Label": what each AI's value is.
LABEL = {
    "10": lambda text: fits(QUALIFIERS["10"][1], text), "22": lambda text: fits(QUALIFIERS["22"][1], text),
    "235": lambda text: fits(QUALIFIERS["235"][1], text), "11": is_date, "15": is_date, "16": is_date, "17": is_date,
    "7003": lambda text: is_date(text[:6], 1) and fits(r"([01]\d|2[0-3])[0-5]\d", text[6:]),
}  # fmt: skip


def labelled(identifier, pairs):
    """An id and its label, of the pairs that stand beside it."""
    ai, value, qualifier = key_of(identifier) or ("", "", None)
    own = {qualifier: decode(identifier.rpartition("/")[2])} if qualifier else {}
    label = {}
    for name, text in pairs:
        if name not in LABEL or ai not in ("01", "8006"):
            continue
        need(LABEL[name](text), f"({name}) {short(text)} is none")
        need(own.get(name, label.get(name, text)) == text, f"({name}) stands twice with two values")
        if name not in own:
            label[name] = text
    if ai == "01" and not qualifier and "10" in label:
        identifier = gs1_id("01", value, {"10": label.pop("10")})
    return identifier, label


def question(text):
    """What is asked about: an id and its label, as a URI has them."""
    pairs = qualifiers(text)
    match = URI.fullmatch(text)
    query = (match[4] or "") if match and key_of(canonical_id(text)) and match[1].lower() in ("http", "https") else ""
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        pairs.append((decode(name), decode(value)))
    return labelled(canonical_id(text), pairs)


def key_of(identifier):
    """The AI, value and qualifier's name of a canonical id, or None for another URI."""
    if not identifier.startswith(GS1):
        return None
    ai, value, *rest = identifier.removeprefix(GS1).split("/")
    return ai, decode(value), rest[0] if rest else None


def class_of(identifier):
    """The class of an item, lot or piece."""
    ai, value, qualifier = key_of(identifier) or ("", "", None)
    return f"{GS1}01/{value[:14]}" if ai == "8006" or ai == "01" and qualifier else None


def whole_of(identifier):
    """The trade item that a piece is a part of, or its lot."""
    ai, value, qualifier = key_of(identifier) or ("", "", None)
    number = identifier.rsplit("/", 1)[1] if ai == "8006" and qualifier in ("10", "21") else None
    return number and f"{GS1}01/{value[:14]}/{qualifier}/{number}"


def with_it(identifier):
    """What is recalled with a recall of which an id is."""
    return [one for one in (identifier, whole_of(identifier), class_of(identifier)) if one]


def is_load(identifier):
    ai, value, _ = key_of(identifier) or ("", "", None)
    return ai == "00" or ai == "8003" and len(value) > 14


def is_class_level(identifier):
    """Whether many objects share an id."""
    ai, value, qualifier = key_of(identifier) or ("", "", None)
    if ai in ("01", "8006", "8010"):
        return qualifier not in ("21", "235", "8011")
    return ai == "8003" and len(value) == 14 or ai in ("253", "255") and len(value) == 13 or ai == "8013"


def is_item(identifier):
    ai, _, qualifier = key_of(identifier) or ("", "", None)
    return ai == "01" and qualifier in ("21", "235")


def delimiters(uri):
    """What a namespace may end with."""
    return "/:#=." if uri.startswith("urn:") else "/:#="


def candidates(identifier):
    """The digits or namespaces under which a claim that could be about an id is named."""
    if key := key_of(identifier):
        ai, value, _ = key
        span = KEYS[ai][5]
        digits = value[slice(*span)] if span else re.match(r"[0-9]*", value)[0]
        if ai in ("01", "8006") and digits.startswith("00000"):
            return [digits]  # a GTIN-8, which is a single key
        return [digits[:length] for length in range(4, 13) if length <= len(digits)]
    uri = plain_http(identifier)
    start = uri.index(":") + 1
    ends = (at for at in range(start, len(uri)) if uri[at] in delimiters(uri) and uri[start:at].strip("/:#=."))
    return [uri[: at + 1] for at in itertools.islice(ends, 16)]


def covers(claimed, identifier):
    """Whether one of the claims covers an id."""
    prefixes, _, namespaces, keys = claimed
    if key_of(identifier):
        return not set(candidates(identifier)).isdisjoint(prefixes) or any(belongs(identifier, single) for single in keys)
    uri = plain_http(identifier)
    return any(uri != namespace and uri.startswith(namespace) for namespace in namespaces)


def belongs(identifier, single):
    """Whether an id is of a single key: of a GTIN its lots, items and pieces, of a GLN its place, party and payment slips."""
    (ai, value, _), (of, key, _) = key_of(identifier), key_of(single)
    return ai in ("01", "8006") and value[:14] == key if of == "01" else ai in ("414", "415", "417") and value == key


def holds_key(claimed, single):
    """Whether a company prefix of these claims covers a single key, or one of their GLNs is it."""
    prefixes, glns, _, _ = claimed
    return not set(candidates(single)).isdisjoint(prefixes) or key_of(single)[0] == "414" and key_of(single)[1] in glns


def is_single_key(text):
    try:
        key = key_of(text) if canonical_id(text) == text else None
    except Refused:
        return False
    return key is not None and key[0] in ("01", "414") and not key[2]


def plain_http(uri):
    return re.sub(r"^https://", "http://", uri)


# --- names(event) ------------------------------------------------------------------------------------------------------

RECALLED = ("recalled", "cbv:Disp-recalled", "https://ref.gs1.org/cbv/Disp-recalled", "http://ref.gs1.org/cbv/Disp-recalled")
OBJECTS, CHILDREN = ("epcList", "quantityList"), ("childEPCs", "childQuantityList")
INPUTS, OUTPUTS = ("inputEPCList", "inputQuantityList"), ("outputEPCList", "outputQuantityList")
FIELDS = {
    "ObjectEvent": OBJECTS,
    "AggregationEvent": ("parentID", *CHILDREN),
    "TransactionEvent": ("parentID", *OBJECTS),
    "TransformationEvent": (*INPUTS, *OUTPUTS, "transformationID"),
    "AssociationEvent": ("parentID", *CHILDREN),
}


def words(name, *bare):
    """The spellings of words of the CBV."""
    starts = ("", f"cbv:{name}-", f"https://ref.gs1.org/cbv/{name}-", f"http://ref.gs1.org/cbv/{name}-")
    return frozenset(start + word for word in bare for start in starts)


steps, dispositions = functools.partial(words, "BizStep"), functools.partial(words, "Disp")
LETS_GO, TAKES = steps("shipping", "consigning", "departing"), steps("receiving", "accepting")
TAKES_BACK, AFAR, STOLEN = steps("void_shipping"), steps("sensor_reporting", "reserving"), dispositions("stolen")
PARTLY = dispositions("partially_dispensed")
# An end: its steps, its dispositions.
DESTROYED = steps("destroying"), dispositions("destroyed", "disposed")
SOLD = steps("retail_selling"), dispositions("retail_sold")
DISPENSED = steps("dispensing"), dispositions("dispensed")
DECOMMISSIONED = steps("decommissioning"), dispositions("inactive")


def master_data(ilmd, names):
    """"Master data": the texts of the members of these names."""
    local = lambda value: [(re.split(r"[:/#]", name)[-1], inner) for name, inner in value.items()] if isinstance(value, dict) else []

    def texts(value, in_list=False):
        one = value["@value"] if isinstance(value, dict) and "@value" in value else value
        if isinstance(one, str):
            return [one]
        if is_int(one):
            return [str(one)]
        listed = isinstance(one, list) and one is value and not in_list
        return [text for item in one for text in texts(item, True)] if listed else []

    found = []
    for name, value in local(ilmd):
        if name in names:
            found += texts(value)
        elif name in ("Product", "product"):
            for product in value if isinstance(value, list) else [value]:
                found += [text for inner, held in local(product) if inner in names for text in texts(held)]
    return found


class Event:
    def __init__(self, value):
        need(isinstance(value, dict), "an event is no object")
        self.type = value.get("type")
        need(self.type in FIELDS, "an event is of no known type")
        for name in set(itertools.chain.from_iterable(FIELDS.values())) - set(FIELDS[self.type]):
            need(name not in value, f"{name} stands in an event of another type")
        self.action = value.get("action")
        self.time = any_time(value.get("eventTime"), "eventTime")
        member = lambda item, name: item.get(name) if isinstance(item, dict) else None
        ids = lambda names: [
            canonical_id(member(item, "epcClass") if "uantity" in name else item, name)
            for name in names for item in array(value.get(name, []), name)
        ]  # fmt: skip
        one = lambda name: canonical_id(value[name], name) if name in value else None
        self.parent, self.transformation = one("parentID"), one("transformationID")
        self.children, self.inputs, self.outputs = ids(CHILDREN), ids(INPUTS), ids(OUTPUTS)
        self.ids = {*ids(OBJECTS), *self.children, *self.inputs, *self.outputs} | ({self.parent} - {None})
        persistent = value.get("persistentDisposition", {})
        need(isinstance(persistent, dict), "persistentDisposition is no object")
        marks = lambda name: any(word in RECALLED for word in array(persistent.get(name, []), name) if isinstance(word, str))
        self.recalls = value.get("disposition") in RECALLED or marks("set")
        self.touches_recall = self.recalls or marks("unset")
        transactions = [
            text_of(member(item, "bizTransaction"), "bizTransaction")
            for item in array(value.get("bizTransactionList", []), "bizTransactionList")
        ]
        # What is no id stands as it is written.
        self.transactions = {text if isinstance(read_id(text), Refused) else read_id(text) for text in transactions}
        self.step = value.get("bizStep") if isinstance(value.get("bizStep"), str) else None
        self.declared = {word for word in [value.get("disposition"), *persistent.get("set", [])] if isinstance(word, str)}
        self.has_place = "readPoint" in value or "bizLocation" in value
        self.is_error = "errorDeclaration" in value
        places = [canonical_id(member(item, "destination"), "destination") for item in array(value.get("destinationList", []), "destinationList")]
        self.destinations = places[:16]
        self.lots = master_data(value.get("ilmd"), ("lotNumber", "hasBatchLotNumber"))
        made = {"ObjectEvent": "epcList", "TransformationEvent": "outputEPCList"}.get(self.type)
        self.lots_beside = [
            (read_id(text), lot) for text in (array(value.get(made, []), made) if made else ()) if "/" in text
            for name, lot in qualifiers(text) if name == "10"
        ]  # fmt: skip

    def names(self, participant):
        named = {("id", identifier) for identifier in self.ids}
        if self.transformation is not None:
            named.add(("transformation", self.transformation))
        named.update(("transaction", text) for text in self.transactions)
        if self.touches_recall:
            for identifier in self.ids:
                named.add(("recall", identifier))
                named.add(("recall", f"{participant} {identifier}"))
        if self.recalls:
            named.update(("id", gtin) for gtin in map(class_of, self.ids) if gtin)
        return named

    def packed(self, load):
        """What it puts into a load."""
        return self.children if self.type == "AggregationEvent" and self.action == "ADD" and self.parent == load else []

    # Acts

    def acts(self, identifier):
        """What it says to have done with an id that it names, perhaps as the class of what it recalls."""
        byte = 0x40 if self.is_error else 0
        if identifier not in self.ids:
            return byte
        origin = self.brings_forth(identifier)
        reading = self.reads()
        byte |= 0x01 if origin else 0
        byte |= {"lets go": 0x02, "takes": 0x04}.get(reading, 0)
        byte |= 0x08 if reading == "has in hand" and self.has_place and not origin else 0
        byte |= 0x10 if self.ends() else 0
        byte |= 0x20 if self.type == "AggregationEvent" and self.action in ("ADD", "DELETE") else 0
        return byte

    def reads(self):
        if self.step in LETS_GO:
            return "lets go"
        if self.step in TAKES:
            return "takes"
        if self.step in TAKES_BACK:
            return "takes back"
        if self.step in AFAR or self.declares(STOLEN) or self.type == "TransactionEvent":
            return "from afar"
        return "has in hand"

    def declares(self, spellings):
        return not self.declared.isdisjoint(spellings)

    def is_by(self, end):
        return self.step in end[0] or self.declares(end[1])

    def ends(self):
        if self.is_by(DESTROYED) or self.is_by(SOLD):
            return True
        if self.declares(PARTLY):
            return False
        return self.is_by(DISPENSED) or self.is_by(DECOMMISSIONED) or (self.type == "ObjectEvent" and self.action == "DELETE")

    def brings_forth(self, identifier):
        if self.type == "ObjectEvent":
            return self.action == "ADD" and identifier in self.ids
        return identifier in self.outputs


def epcis_events(payload):
    """The events of an EPCISDocument, or the single event that stands alone."""
    document = strict_json(payload.removeprefix(b"\xef\xbb\xbf"), "a capture")  # RFC 8259 §8.1
    need(isinstance(document, dict) and "@context" in document, "a capture is no object with a context")
    if document.get("type") != "EPCISDocument":
        return [Event(document)]
    body = document.get("epcisBody")
    events = array(body.get("eventList") if isinstance(body, dict) else None, "eventList")
    need(len(events) <= 10_000, "a capture has more than 10,000 events")
    return [Event(value) for value in events]


# --- Admin statements --------------------------------------------------------------------------------------------------

ADMIN = {
    "genesis": ("type", "version", "origin", "rules", "members", "founders", "created"),
    "registration": ("type", "participant", "claims", "request", "certificate"),
    "renewal": ("type", "participant", "request", "current", "consent", "certificate"),
    "revocation": ("type", "participant", "reason"),
    "endorsement": ("type", "registration"),
    "proposal": ("type", "changes", "expires"),
}
OPTIONAL = {"genesis": ("continues",), "registration": ("evidence", "similarTo"), "revocation": ("compromisedSince", "dismissesClaims")}
RESERVED_ADMIN = ("withdrawal", "ballot", "ready", "fault")
CHANGES = {  # and what of each is read, since evidence may show it
    "admit": None, "remove": None, "replace": None, "rules": None,
    "revoke": ("participant", "reason"), "dismiss": ("participant", "claims", "reason"), "lift": ("recall", "ids", "reason"),
    "authority": ("registration",), "succeeds": ("former", "participant"), "policy": ("name", "value"),
}
OF_VERDICT = {"maxSpeedKmh": (1, 28000), "clockToleranceMinutes": (0, 1440)}
NOBODYS = ("did:", "urn:ietf:", "urn:isbn:", "urn:issn:", "urn:nbn:", "urn:oid:", "urn:uuid:")


class Certificate:
    def __init__(self, value):
        obj(value, "a certificate record", ("x509", "jwk", "notBefore", "notAfter"))
        self.id = sha256(unbase64url(value["x509"], "x509"))
        self.point = jwk(value["jwk"], "a certificate's jwk")
        self.not_after = any_time(value["notAfter"], "notAfter")
        need(any_time(value["notBefore"], "notBefore") < self.not_after, "a certificate ends before it begins")


def namespace(text):
    """A namespace as its subject's text, once it has its one spelling."""
    need(isinstance(text, str) and len(text.encode()) <= 1024 and text[-1:] in tuple(delimiters(text)), f"{short(text)} is no namespace")
    scheme, _, rest = text.partition(":")
    need(read_id(text + "x") == text + "x" or read_id(text) == text, f"{short(text)} is no namespace")
    need(not isinstance(read_id(text + "x"), Refused) and not read_id(text + "x").startswith(GS1), f"{short(text)} is no namespace")
    need(plain_http(text) in candidates(text) and re.search("[A-Za-z0-9]", rest), f"{short(text)} is no namespace")
    need(not text.lower().startswith(NOBODYS), f"{short(text)} is nobody's namespace")
    escapes = re.findall(r"%(..)", rest)
    needed = all(h == h.upper() and not re.match(r"[A-Za-z0-9._~-]", chr(int(h, 16))) for h in escapes)
    one = needed and scheme == scheme.lower()
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        port = {"http": "(?!80$)", "https": "(?!443$)"}.get(scheme, "") + r"[1-9]\d*"
        host = r"[a-z0-9-]+(\.[a-z0-9-]+)+"
        one = one and slash and fits(rf"{host}(:{port})?", authority)
        one = one and not {".", ".."} & set(re.split(r"[?#]", path)[0].split("/"))
    elif scheme == "urn":
        one = one and not re.search("[A-Z]", rest.partition(":")[0])
    need(one, f"{short(text)} is not in its one spelling")
    return plain_http(text)


def collide(one, other):
    return one.startswith(other) or other.startswith(one)


def free_of_overlap(texts):
    """Whether none is another, or begins with it."""
    texts = sorted(texts)
    return not any(b.startswith(a) for a, b in zip(texts, texts[1:]))


def is_lei(text):
    if not isinstance(text, str) or not re.fullmatch("[A-Z0-9]{18}[0-9]{2}", text, re.ASCII):
        return False
    number = int("".join(str(int(one, 36)) for one in text[:18]))
    return int(text[18:]) == 98 - number * 100 % 97


def is_contact(text):
    of_a_uri = r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2}){1,500}"
    if not isinstance(text, str) or len(text) > 500 or not re.fullmatch(of_a_uri, text, re.ASCII):
        return False
    name = "(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
    host = rf"(?:{name}\.)+(?!\d+(?:[^A-Za-z0-9-]|$)){name}"
    if re.fullmatch(rf"https://{host}(:\d{{1,5}})?([/?#].*)?", text, re.ASCII):
        return True
    if re.fullmatch(rf"mailto:[A-Za-z0-9\-._~!$'*+%]+@{host}", text, re.ASCII):
        return True
    return bool(re.fullmatch(r"tel:\+(?:[-.()]*\d){3,15}[-.()]*", text, re.ASCII))


def looked_at(files):
    """What a member says it looked at."""
    need(1 <= len(array(files, "evidence")) <= 20, "evidence has 1 to 20 files")
    for file in files:
        obj(file, "a file", ("mediaType", "sha256", "title"))
        name = r"[a-z0-9][a-z0-9!#$&\-^_.+]*"
        media, title = text_of(file["mediaType"], "mediaType"), text_of(file["title"], "title")
        need(len(media) <= 255 and re.fullmatch(f"{name}/{name}", media, re.ASCII), "a mediaType is none")
        hash_of(file["sha256"], "sha256")
        fits_in = 1 <= len(title) <= 200 and title.strip(WHITE) == title
        need(fits_in and not has_control(title) and not INVISIBLE.search(title), "a title is none")
    need(len({file["sha256"] for file in files}) == len(files), "a file is named twice")


def similar_to(ids, participant):
    """Whose names look the same, by the member's word."""
    need(1 <= len(array(ids, "similarTo")) <= 16, "similarTo has 1 to 16 participants")
    need(all(uuid(one) != participant for one in ids), "a registration is similar to itself")
    need(all(one < following for one, following in zip(ids, ids[1:])), "similarTo is not in order")


def claims(value):
    """(company prefixes, GLNs, namespaces, single keys), the namespaces with http."""
    obj(value, "claims", ("organization", "roles", "glns", "gs1CompanyPrefixes", "namespaces"), ("gs1Keys", "lei", "contact", "terms"))
    keys = value.get("gs1Keys", [])
    need("gs1Keys" not in value or keys, "gs1Keys are empty")
    need("lei" not in value or is_lei(value["lei"]), "an lei is none")
    need("contact" not in value or is_contact(value["contact"]), "a contact is none")
    need("terms" not in value or hash_of(value["terms"], "terms"), "terms are no hash")
    name = text_of(value["organization"], "organization").strip(WHITE)
    need(1 <= len(name) <= 200 and not has_control(name) and not INVISIBLE.search(name), "an organisation's name is none")
    for member in ("roles", "glns", "gs1CompanyPrefixes", "namespaces", "gs1Keys"):
        items = array(value.get(member, []), member)
        need(len(items) <= 100 and all(isinstance(item, str) for item in items), f"{member} are no list of texts")
        need(len(set(items)) == len(items), f"{member} have one twice")
    roles = ["shipper" if role == "carrier" else role for role in value["roles"]]
    need(roles and set(roles) <= {"manufacturer", "shipper", "distributor", "authority"} and len(set(roles)) == len(roles), "roles are none")
    need("authority" not in roles or len(roles) == 1, "an authority does not stand alone")
    for gln in value["glns"]:
        need(re.fullmatch(r"\d{13}", gln, re.ASCII) and check_digit(gln[:12]) == gln[12], f"{short(gln)} is no GLN")
    for prefix in value["gs1CompanyPrefixes"]:
        need(re.fullmatch(r"(?!00000)\d{4,12}", prefix, re.ASCII), f"{short(prefix)} is no company prefix")
    for key in keys:
        need(is_single_key(key), f"{short(key)} is no single GS1 key")
        need(set(candidates(key)).isdisjoint(value["gs1CompanyPrefixes"]), f"{short(key)} lies under a company prefix")
    spaces = [namespace(text) for text in value["namespaces"]]
    need(free_of_overlap(value["gs1CompanyPrefixes"]) and free_of_overlap(spaces), "claims begin with one another")
    return value["gs1CompanyPrefixes"], value["glns"], spaces, keys


def admin_statement(payload):
    value = strict_json(payload, "an admin statement")
    need(isinstance(value, dict), "an admin statement is no object")
    kind = value.get("type")
    need(kind not in RESERVED_ADMIN, f"the type {short(kind)} of admin statements is kept for later")
    need(isinstance(kind, str) and kind in ADMIN, f"no leaf holds an admin statement of type {short(kind)}")
    if kind == "genesis":
        version(value, 2, "a genesis")
    obj(value, f"a {kind}", ADMIN[kind], OPTIONAL.get(kind, ()))
    if kind == "genesis":
        return genesis(value)
    if kind == "proposal":
        return proposal(value, len(payload))
    if kind == "endorsement":
        value = {**value, "participant": value["registration"]}
    uuid(value["participant"])
    read = {"type": kind, "participant": value["participant"]}
    if kind == "endorsement":
        return read
    if kind == "revocation":
        reason_of(value)
        if value.get("compromisedSince") is not None:
            any_time(value["compromisedSince"], "compromisedSince")
        need(value.get("dismissesClaims", True) is True, "dismissesClaims is not left out, and not true")
        return {**read, "dismisses": "dismissesClaims" in value}
    read["request"] = unbase64url(value["request"], "request")
    read["certificate"] = Certificate(value["certificate"])
    if kind == "registration":
        read["claims"] = claims(value["claims"])
        read["carries"] = set(value["claims"]["roles"]) <= {"shipper", "carrier"}
        if "evidence" in value:
            looked_at(value["evidence"])
        if "similarTo" in value:
            similar_to(value["similarTo"], value["participant"])
    else:
        read["current"] = hash_of(value["current"], "current")
        read["consent"] = unbase64url(value["consent"], "consent", 64)
    return read


def uuid(text):
    need(isinstance(text, str) and re.fullmatch(UUID, text, re.ASCII), "a participant's id is no UUID in lower case")
    return text


def reason_of(value):
    reason = text_of(value["reason"], "reason")
    need(1 <= len(reason) <= 1000 and reason.strip(WHITE), "a revocation has no reason")


def leaf_of(value):
    need(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 - 1, "a leaf is no leaf")
    return value


def ranges(value):
    """The ranges of leaves of a dismissal: ascending, none touching another."""
    found = []
    for item in array(value, "claims"):
        obj(item, "a range", ("from", "to"))
        first, last = leaf_of(item["from"]), leaf_of(item["to"])
        need(first <= last and (not found or found[-1][1] + 1 < first), "ranges of leaves do not ascend, or touch")
        found.append((first, last))
    need(1 <= len(found) <= 100, "a dismissal has not 1 to 100 ranges")
    return found


def change_names(change):
    kind = change["type"]
    if kind == "lift":
        return [("recall", text) for text in change["ids"]]
    if kind == "authority":
        return [("party", change["registration"]), ("policy", "verdict")]
    if kind == "succeeds":
        return [("party", change["former"]), ("party", change["participant"])]
    if kind == "policy":
        verdict = [("policy", "verdict")] if change["name"] in OF_VERDICT else []
        return [("policy", change["name"]), *verdict, *([("party", change["participant"])] if "participant" in change else [])]
    return [("party", change["participant"])]


def read_change(change, kind):
    optional = {"revoke": ("compromisedSince", "dismissesClaims"), "policy": ("participant",)}
    obj(change, f"a {kind}", ("type", *CHANGES[kind]), optional.get(kind, ()))
    if "reason" in change:
        reason_of(change)
    if "compromisedSince" in change:
        any_time(change["compromisedSince"], "compromisedSince")
    need(change.get("dismissesClaims", True) is True, "dismissesClaims is not left out, and not true")
    for member in ("participant", "registration", "former"):
        if member in change:
            uuid(change[member])
    if kind == "dismiss":
        change = {**change, "claims": ranges(change["claims"])}
    if kind == "lift":
        leaf_of(change["recall"])
        ids = array(change["ids"], "ids")
        need(1 <= len(ids) <= 1000 and all(isinstance(text, str) and read_id(text) == text for text in ids), "ids are none")
        need(len(set(ids)) == len(ids), "a recall is lifted twice for one id")
    if kind == "succeeds":
        need(change["former"] != change["participant"], "a participant succeeds itself")
    if kind == "policy":
        need(isinstance(change["name"], str), "a policy has no name")
        least, most = OF_VERDICT.get(change["name"], (None, None))
        if least is not None:
            value = change["value"]
            need(isinstance(value, int) and not isinstance(value, bool) and least <= value <= most, "a policy of the verdict has no such value")
            need("participant" not in change, "a policy of the verdict is for one participant")
    return change


def decides_about(change, participant):
    """Whether a verdict about what the participant says may rest on a change."""
    return change["type"] != "policy" and participant in (change.get(member) for member in ("participant", "former", "registration"))


def proposal(value, length):
    """What evidence reads of a proposal: whose registrations it would end, what a verdict reads, and what it names."""
    any_time(value["expires"], "expires")
    changes = array(value["changes"], "changes")
    need(1 <= len(changes) <= 10, "a proposal has not 1 to 10 changes")
    read, names = [], []
    for change in changes:
        kind = change.get("type") if isinstance(change, dict) else None
        need(isinstance(kind, str) and kind in CHANGES, f"the change {short(kind)} is unknown, or kept for later")
        if CHANGES[kind] is not None:
            read.append(read_change(change, kind))
            names += change_names(read[-1])
        if kind == "rules":
            names.append(("policy", "rules"))
    need(not any(kind == "party" for kind, _ in names) or length <= 16384, "a proposal about participants is longer than 16384 bytes")
    return {"type": "proposal", "changes": read, "names": names}


def genesis(value):
    need(is_origin(value["origin"]), "a genesis has no origin")
    rules(value["rules"], "a genesis")
    keys, members_hash, entries = members(value["members"], "members")
    consents = []
    for item in array(value["founders"], "founders"):
        obj(item, "a founder", ("kid", "signature"))
        consents.append((hash_of(item["kid"], "a founder's kid"), unbase64url(item["signature"], "a founder's signature", 64)))
    need([kid for kid, _ in consents] == list(keys), "the founders are not the members in their order")
    if "continues" in value:
        lost = obj(value["continues"], "continues", ("origin", "checkpoint", "fingerprint"))
        need(is_origin(lost["origin"]) and lost["origin"] != value["origin"], "a genesis continues no other ledger")
        checkpoint(lost["checkpoint"], lost["origin"])
        hash_of(lost["fingerprint"], "the fingerprint of what is continued")
    created = any_time(value["created"], "created")
    return {"type": "genesis", "origin": value["origin"], "keys": keys, "members_hash": members_hash, "entries": entries, "consents": consents, "created": created}


def founder_bytes(origin, entry):
    return b"sealane/founder/v1\x00" + sha256(origin.encode()) + sha256(entry)


def admin_names(admin, id_):
    if admin["type"] == "genesis":
        return {("party", base64url(kid)) for kid in admin["keys"]}
    if admin["type"] == "proposal":  # its members are in no evidence
        return {("proposal", base64url(id_)), *admin["names"]}
    named = {("party", admin["participant"])}
    if admin["type"] == "registration":
        *groups, keys = admin["claims"]
        named.update(("prefix", text) for group in groups for text in group)
        named.update(("prefix", candidates(key)[-1]) for key in keys)
    return named


class Registry:
    """What the registrations, renewals and revocations come to, in their order."""

    def __init__(self, origin):
        self.origin = origin
        self.participants = {}  # id -> [(registration's claims), revoked]
        self.certificates = {}  # x5t#S256 -> (participant, Certificate)
        self.owners = {}  # key's point -> participant
        self.consents = 0
        self.dismissed = {}  # participant -> [(first leaf, last leaf)]
        self.lifted = {}  # (leaf of the recall, id) -> leaf of the decision
        self.authorities = {}  # participant -> leaf of the decision
        self.successors = {}  # former -> participant
        self.policies = {}  # those of the verdict

    def is_dismissed(self, participant, leaf):
        return any(first <= leaf <= last for first, last in self.dismissed.get(participant, ()))

    def dismiss_all(self, participant, leaf):
        if leaf > 0:
            self.dismissed.setdefault(participant, []).append((0, leaf - 1))

    def apply(self, said, keys, time, leaf):
        """Applies a statement at its place, where these keys are those that a member may have signed by."""
        need(not said.capture, "a capture stands among the registrations")
        need(said.aud == self.origin, "an admin statement is for another ledger")
        need(said.signer in keys, "an admin statement is signed by no member")
        need(said.is_signed_by(keys[said.signer]), "the signature of an admin statement does not hold")
        admin = said.admin
        kind = admin["type"]
        need(kind != "genesis", "a genesis stands after the first leaf")
        if kind == "proposal":
            return  # the seals tell what became of it
        participant = admin["participant"]
        known = self.participants.get(participant)
        if kind == "registration":
            need(known is None, f"{participant} was registered before")
            need(admin["certificate"].point not in self.owners, "a registration's key was registered before")
            for claimed, revoked in self.participants.values():
                need(revoked or not self.clash(claimed, admin["claims"]), f"what {participant} claims is another's")
            self.participants[participant] = [admin["claims"], False]
        else:
            need(known is not None and not known[1], f"{participant} is not registered, or revoked")
        if kind == "endorsement":
            return  # that there were enough of them, the quorum has seen
        if kind == "revocation":
            known[1] = True
            if admin["dismisses"]:
                self.dismiss_all(participant, leaf)
            return
        certificate = admin["certificate"]
        need(certificate.id not in self.certificates, "a certificate was registered before")
        need(certificate.not_after > time, "a certificate had ended when it was registered")
        need(self.owners.get(certificate.point, participant) == participant, "a certificate's key is somebody else's")
        if kind == "renewal":
            owner, current = self.certificates.get(admin["current"], (None, None))
            need(owner == participant and time <= current.not_after, "a renewal's current certificate is none")
            message = b"sealane/renewal/v1\x00" + sha256(self.origin.encode()) + participant.encode() + b"\x00" + sha256(admin["request"])
            need(signed_by(current.point, message, admin["consent"]), "a renewal's consent does not hold")
            self.consents += 1
        self.certificates[certificate.id] = participant, certificate
        self.owners[certificate.point] = participant

    def enact(self, said, leaf):
        """Makes the changes of a proposal that was enacted at a leaf, those that a verdict reads."""
        for change in said.admin["changes"]:
            kind, participant = change["type"], change.get("participant")
            if kind == "revoke":
                known = self.participants.get(participant)
                if known is not None:  # of those that are shown
                    need(not known[1], f"{participant} is revoked twice")
                    known[1] = True
                if "dismissesClaims" in change:
                    self.dismiss_all(participant, leaf)
            elif kind == "dismiss":
                self.dismissed.setdefault(participant, []).extend(change["claims"])
            elif kind == "lift":
                for text in change["ids"]:
                    self.lifted.setdefault((change["recall"], text), leaf)
            elif kind == "authority":
                self.authorities.setdefault(change["registration"], leaf)
            elif kind == "succeeds":
                self.successors.setdefault(change["former"], participant)
            elif change["name"] in OF_VERDICT:
                self.policies[change["name"]] = change["value"]

    @staticmethod
    def clash(one, other):
        return (
            any(collide(a, b) for a in one[0] for b in other[0])
            or any(collide(a, b) for a in one[2] for b in other[2])
            or not set(one[1]).isdisjoint(other[1])
            or not set(one[3]).isdisjoint(other[3])
            or any(holds_key(a, key) for a, b in ((one, other), (other, one)) for key in b[3])
        )


# --- Trust anchor ------------------------------------------------------------------------------------------------------


class Anchor:
    MEMBERS = ("version", "origin", "genesis", "height", "size", "root", "members", "fingerprint")

    def __init__(self, value):
        version(value, 2, "the anchor")
        obj(value, "the anchor", self.MEMBERS)
        said = statement(value["genesis"], "the anchor's genesis")
        need(not said.capture and said.admin["type"] == "genesis", "the anchor's genesis is none")
        first = said.admin
        self.origin = first["origin"]
        need(value["origin"] == self.origin == said.aud, "the anchor's origin is not its genesis's")
        need(said.signer == next(iter(first["keys"])), "the anchor's genesis is not signed by the first of its members")
        need(said.is_signed_by(first["keys"][said.signer]), "the signature of the anchor's genesis does not hold")
        for (kid, consent), entry in zip(first["consents"], first["entries"]):
            need(signed_by(first["keys"][kid], founder_bytes(self.origin, entry), consent), f"the consent of {base64url(kid)} does not hold")
        self.height = whole(value["height"], "the anchor's height")
        self.size = whole(value["size"], "the anchor's size")
        self.root = hash_of(value["root"], "the anchor's root")
        self.keys, self.members_hash, _ = members(value["members"], "the anchor's members")
        self.founders = first["keys"]
        fingerprint = sha256(said.id + self.height.to_bytes(8, "big") + self.root + self.members_hash)
        need(value["fingerprint"] == base64url(fingerprint), "the anchor's fingerprint is another's")
        if self.height == 0:
            need(self.members_hash == first["members_hash"], "the anchor's members are not its genesis's")
            need((self.size, self.root) == (2, block_0(said)), "the anchor's size and root are not those of block 0")


def block_0(said):
    """The root of the tree of block 0, which the genesis statement gives."""
    first = said.admin
    value = index_value(1, list_entry(0, member_signer(said.signer), 0))
    seal = {
        "version": 2, "height": 0, "time": written_time(first["created"]), "previousSize": 0, "previousRoot": base64url(sha256(b"")),
        "indexRoot": base64url(whole_index({index_key(*subject): value for subject in admin_names(first, said.id)})),
        "membersHash": base64url(first["members_hash"]), "nextMembersHash": base64url(first["members_hash"]), "rules": 1, "enacted": [],
    }  # fmt: skip
    return tree_root([said.leaf_hash, Seal(1, json.dumps(seal, separators=(",", ":"))).leaf_hash])


# --- follows(id) -------------------------------------------------------------------------------------------------------


STATEMENTS, BYTES, IDS, PLACES = 1000, 12_582_912, 100, 100  # of parties
CONTAINERS, HAVERS = 16, 16
LIST, LIST_END = 10_000, 5_000
OTHER_SIGNERS, OTHER_LEAVES, OTHER_LEAVES_TRIED = 16, 32, 64
OTHER_BYTES, OTHER_STATEMENT_BYTES = 262_144, 65_536
RECALLS, OTHER_RECALLS, LOTS, CONTENTS = 100, 16, 8, 200
HAVING = 0x02 | 0x04 | 0x08 | 0x10


class Shares:
    """What each signer has had of the limits: no more than a quarter while another has something left."""

    GOODS = {"leaves": {"statements": STATEMENTS, "bytes": BYTES}, "ids": {"ids": IDS}, "places": {"places": PLACES}}

    def __init__(self):
        self.had = {}  # signer -> {way: how much}

    def of(self, signer, way):
        return self.had.get(signer, {}).get(way, 0)

    def add(self, signer, **more):
        for way, much in more.items():
            self.had.setdefault(signer, {})[way] = self.of(signer, way) + much

    def may(self, signer, good, within):
        for way, limit in self.GOODS[good].items():
            most = -(-limit // 4) if within else math.inf
            if self.of(signer, way) >= most or sum(min(self.of(one, way), most) for one in self.had) >= limit:
                return False
        return True

    def turns(self, queues, good, within):
        """Gives each signer's things in turn: the next is of the signer that has had least."""
        while True:
            able = [signer for signer, queue in queues.items() if queue and self.may(signer, good, within)]
            if not able:
                return
            signer = min(able, key=lambda one: (self.of(one, "bytes" if good == "leaves" else good), one))
            yield signer, queues[signer].pop(0)


class Followed:
    """An id on the way, and what was opened of it."""

    def __init__(self, identifier):
        self.id = identifier
        self.carried = None  # from when it is a container, in milliseconds; -inf is the beginning
        self.used = False
        self.opened = {}  # leaf -> (who signed it, its events that name the id)
        self.starts = {}  # who -> (from when it is carried, the first position of its entries that is needed)


class Follows:
    def __init__(self, identifier, label, entries, captures, admins, successors):
        self.asked, self.label, self.successors = identifier, label, successors
        self.entries, self.captures, self.admins = entries, captures, admins
        self.needed = {}  # (kind, subject) -> the positions needed of its list
        self.opened = set()
        self.shares = Shares()
        self.known = set()
        self.proposals = []  # the leaves of those that verdicts read
        self.authorities = set()  # all whom a proposal would make, or has made, an authority
        self.prefix_lists, self.carriers = {}, set()
        self.followed, self.tied, self.owners = {}, {}, {}
        self.journey()
        self.others()
        self.decided()
        self.recalls()
        self.contents()
        self.parties()

    # Lists

    def list(self, kind, subject, start=lambda count: 0):
        """The part of a list that is needed, as (leaf, participant or None, acts)."""
        entry = self.entries.get((kind, subject))
        need(entry, f"index lacks {kind} {short(subject)}")
        first = start(entry.count)
        need(entry.end == entry.count and entry.first <= first, f"{entry.name} does not show all that is needed of it")
        self.needed[kind, subject] = (first, entry.count)
        shown = zip(entry.leaves, map(participant_of, entry.signers), entry.acts)
        return list(shown)[first - entry.first :]

    def long_list(self, kind, subject):
        return self.list(kind, subject, lambda count: 0 if count <= LIST else count - LIST_END)

    def last_of(self, kind, subject, most):
        return self.list(kind, subject, lambda count: max(count - most, 0))

    def prefix(self, subject):
        """The participants that registrations name with this prefix, with their claims."""
        if subject not in self.prefix_lists:
            found = {}
            for leaf, _, _ in self.list("prefix", subject):
                admin = self.admin(leaf, "prefix", subject)
                need(admin["type"] == "registration", f"the list of prefix {short(subject)} has what is no registration")
                found[admin["participant"]] = admin["claims"]
                if admin["carries"]:
                    self.carriers.add(admin["participant"])
            self.prefix_lists[subject] = found
            self.known.update(found)
        return self.prefix_lists[subject]

    def admin(self, leaf, kind, subject):
        need(leaf in self.admins, f"the admin statement at leaf {leaf} of {kind} {short(subject)} is not there")
        return self.admins[leaf].admin

    def holders(self, identifier):
        found = {name: claimed for subject in candidates(identifier) for name, claimed in self.prefix(subject).items()}
        return {name for name, claimed in found.items() if covers(claimed, identifier)}

    def capture(self, leaf):
        need(leaf in self.captures, f"the capture at leaf {leaf} is not there")
        return self.captures[leaf]

    def take(self, leaf):
        said, participant, _ = self.capture(leaf)
        self.opened.add(leaf)
        self.known.add(participant)
        return said, participant

    # 1. The journey

    def add(self, identifier):
        self.followed[identifier] = Followed(identifier)
        self.followed[identifier].entries = self.long_list("id", identifier)

    def journey(self):
        self.held_by = self.holders(self.asked)
        self.add(self.asked)
        self.own = self.followed[self.asked].entries
        self.followed[self.asked].carried, self.followed[self.asked].used = -math.inf, True
        by = lambda acts: list(dict.fromkeys(who for _, who, done in self.own if who and done & acts))
        self.parties_now = self.held_by | set(by(0x01))
        self.havers = by(HAVING)[:HAVERS]
        if self.parties_now.isdisjoint(by(HAVING | 0x01)):
            self.parties_now |= set(self.havers)
        everyone = list(dict.fromkeys(who for _, who, _ in self.own if who))
        if self.parties_now.isdisjoint(everyone):
            self.parties_now |= set(everyone[:HAVERS])
        while self.round(True) or self.round(False):
            pass

    def round(self, within):
        found = self.look_up(within)
        if found and not within:
            return True
        found = self.find_parties()
        queues = {}
        found |= self.find_ids(queues)
        if self.admit(queues, within):
            found = True
            if not within:
                return True
        found |= self.find_ids(None)
        return self.open(within) or found

    def of_parties(self):
        for known in self.followed.values():
            if known.carried is not None:
                for who, events in known.opened.values():
                    if who in self.parties_now:
                        yield from ((known.id, who, event) for event in events)

    def look_up(self, within):
        due = {}
        for _, who, event in self.of_parties():
            due.setdefault(who, set()).update(place for place in event.destinations if place not in self.owners)
        queues = {who: sorted(places, key=str.encode) for who, places in due.items()}
        found = False
        for who, place in self.shares.turns(queues, "places", within):
            if place in self.owners:
                continue
            key = key_of(place)
            owners = set(self.prefix(key[1])) if key and key[0] in ("414", "417") and key[2] is None else set()
            self.owners[place] = owners or self.holders(place)
            self.shares.add(who, places=1)
            found = True
        return found

    def find_parties(self):
        fresh = set()
        for identifier, _, event in self.of_parties():
            owners = set().union(*(self.owners.get(place, ()) for place in event.destinations))
            fresh |= owners
            if event.acts(identifier) & 0x02 and owners <= self.carriers:
                fresh |= set(self.havers)
        # Who goes on for a party is one.
        while more := {self.successors[one] for one in self.parties_now | fresh if one in self.successors} - self.parties_now - fresh:
            fresh |= more
        found = not fresh <= self.parties_now
        self.parties_now |= fresh
        return found

    def find_ids(self, queues):
        """Gives roles to the ids that are followed already; those that are not are put into the queues."""
        carried, used, found = [], set(), False
        for known in self.followed.values():
            packed = {}
            for leaf in sorted(known.opened, reverse=True):
                who, events = known.opened[leaf]
                for event in events:
                    packs = event.type == "AggregationEvent" and event.action == "ADD" and event.parent is not None and known.id in event.children
                    if packs and known.carried is not None and who in self.parties_now:
                        of = packed.setdefault(who, set())
                        if event.parent in of or len(of) < CONTAINERS:
                            carried.append((known.id, who, event.parent, max(known.carried, event.time)))
                        of.add(event.parent)
                    makes = event.type == "TransformationEvent" and known.id in event.outputs
                    if makes and known.used and (known.id != self.asked or who in self.held_by):
                        used.update((who, source) for source in event.inputs)
                        if event.transformation is not None:
                            tie = self.tied.setdefault(event.transformation, {"signers": set(), "entries": None, "opened": {}})
                            found |= who not in tie["signers"]
                            tie["signers"].add(who)
        for tie in self.tied.values():
            used.update((who, source) for who, sources in tie["opened"].values() for source in sources)
        in_queue = lambda who, identifier: queues.setdefault(who, []).append(identifier) if queues is not None else None
        for _, who, parent, since in sorted(carried, key=lambda one: one[0].encode()):
            known = self.followed.get(parent)
            if known is None:
                in_queue(who, parent)
            elif known.carried is None or since < known.carried:
                known.carried, found = since, True
        for who, source in sorted(used, key=lambda one: (one[0], one[1].encode())):
            known = self.followed.get(source)
            if known is None:
                in_queue(who, source)
            elif not known.used:
                known.used = found = True
        return found

    def admit(self, queues, within):
        found = False
        for who, identifier in self.shares.turns(queues, "ids", within):
            if identifier not in self.followed:
                self.add(identifier)
                self.shares.add(who, ids=1)
                found = True
        return found

    def due(self):
        due = {}
        for known in self.followed.values():
            by_signer = {}
            for leaf, who, acts in known.entries:
                if who:
                    by_signer.setdefault(who, []).append((leaf, acts))
            for who, entries in by_signer.items():
                party = known.carried is not None and who in self.parties_now
                start = 0
                if party and known.carried != -math.inf:
                    since, start = known.starts.get(who, (None, math.inf))
                    if since != known.carried:
                        start = math.inf
                        due.setdefault(who, []).append((-1, "start", known.id))
                for at, (leaf, acts) in enumerate(entries):
                    if leaf not in known.opened and (party and at >= start or known.used and acts & 0x01):
                        due.setdefault(who, []).append((leaf, "id", known.id))
        for name in sorted(self.tied, key=str.encode):
            tie = self.tied[name]
            if tie["entries"] is None:
                tie["entries"] = self.long_list("transformation", name)
            for leaf, who, _ in tie["entries"]:
                if who in tie["signers"] and leaf not in tie["opened"]:
                    due.setdefault(who, []).append((leaf, "tie", name))
        return {who: sorted(leaves, key=lambda one: (one[0], one[1], one[2].encode())) for who, leaves in due.items()}

    def start(self, known, who):
        """The last entry whose block is more than a day older; the first, if there is none. What is not here cannot be told to be older."""
        leaves = [leaf for leaf, by, _ in known.entries if by == who]
        older = [at for at, leaf in enumerate(leaves) if leaf in self.captures and self.captures[leaf][2] < known.carried - DAY]
        known.starts[who] = known.carried, older[-1] if older else 0
        return leaves[known.starts[who][1]]

    def open(self, within):
        found = False
        for who, (leaf, kind, name) in self.shares.turns(self.due(), "leaves", within):
            found = True
            if kind == "start":
                leaf = self.start(self.followed[name], who)
                if leaf in self.followed[name].opened:
                    continue
            said, participant = self.take(leaf)
            if kind != "tie":
                self.read(leaf, name)
            else:
                sources = [source for event in said.events if event.transformation == name and event.type == "TransformationEvent" for source in event.inputs]
                self.tied[name]["opened"][leaf] = participant, sources
            self.shares.add(who, statements=1, bytes=said.length)
        return found

    def read(self, leaf, identifier):
        said, participant = self.take(leaf)
        self.followed[identifier].opened[leaf] = participant, [event for event in said.events if identifier in event.ids]

    # 2. Others

    def others(self):
        self.left = {"leaves": OTHER_LEAVES, "tried": OTHER_LEAVES_TRIED, "bytes": OTHER_BYTES}
        signers = []
        containers = [known.id for known in self.followed.values() if known.id != self.asked and known.carried is not None]
        for identifier in [self.asked, *sorted(containers, key=str.encode)]:
            leaves = {}
            for leaf, who, acts in self.followed[identifier].entries:
                if not who or not acts or who in self.parties_now:
                    continue
                if who not in signers:
                    if len(signers) >= OTHER_SIGNERS:
                        continue
                    signers.append(who)
                leaves.setdefault(who, []).append(leaf)
            last = True
            while any(leaves.values()):
                for of in leaves.values():
                    if of:
                        leaf = of.pop(-1 if last else 0)
                        if self.try_other(leaf):
                            self.read(leaf, identifier)
                last = not last
        self.known.update(signers)

    def try_other(self, leaf):
        """Whether there is room for a statement that is here. One that is not here may have been too long."""
        if not self.left["leaves"] or not self.left["tried"]:
            return False
        self.left["tried"] -= 1
        if leaf not in self.captures or self.captures[leaf][0].length > min(self.left["bytes"], OTHER_STATEMENT_BYTES):
            return False
        self.left["leaves"] -= 1
        self.left["bytes"] -= self.captures[leaf][0].length
        return True

    # 3. Recalls

    def lots(self, known):
        gtin = class_of(known.id)
        named = lambda number: f"{gtin}/10/{encode(number)}"
        numbers = {
            number for _, events in known.opened.values() for event in events if event.brings_forth(known.id)
            for number in [*event.lots, *(lot for named, lot in event.lots_beside if named == known.id)]
            if fits(QUALIFIERS["10"][1], number)
        }  # fmt: skip
        said = sorted(map(named, numbers), key=str.encode)[:LOTS]
        return said + [named(self.label["10"])] if known.id == self.asked and "10" in self.label else said

    def recalls(self):
        with_holder, without, everyone = (set(), set()), (set(), set()), set()
        for known in self.followed.values():
            if not known.used:
                continue
            targets = set(with_it(known.id))
            if is_item(known.id):
                targets.update(self.lots(known))
            holders = self.holders(known.id)
            everyone |= holders
            of = known.id != self.asked
            without[of].update(targets)
            with_holder[of].update(f"{holder} {target}" for holder in holders for target in targets)
        in_order = lambda lists: sorted(lists[0], key=str.encode) + sorted(lists[1] - lists[0], key=str.encode)
        self.may_open = {"statements": STATEMENTS, "bytes": BYTES}
        for subject in in_order(with_holder):
            self.recalls_in(subject)
        self.left = {"leaves": OTHER_LEAVES, "tried": OTHER_LEAVES_TRIED, "bytes": OTHER_BYTES}
        for subject in in_order(without):
            self.recalls_by_any(subject, everyone)

    def recalls_in(self, subject):
        """Opens one participant's recalls, and says how many there are."""
        entries = self.last_of("recall", subject, RECALLS)
        for leaf, _, _ in reversed(entries):
            if not self.may_open["statements"] or not self.may_open["bytes"]:
                break
            said, _ = self.take(leaf)
            self.may_open["statements"] -= 1
            self.may_open["bytes"] = max(self.may_open["bytes"] - said.length, 0)
        return len(entries)

    def recalls_by_any(self, subject, holders):
        entries = self.long_list("recall", subject)
        if any(who is not None and who not in holders for _, who, _ in entries):
            for authority in sorted(self.authorities - holders):
                self.recalls_in(f"{authority} {subject}")
        room = OTHER_RECALLS
        for leaf, who, _ in reversed(entries):
            if who is None:  # a proposal to lift a recall
                if self.may_open["statements"]:
                    self.may_open["statements"] -= 1
                    self.proposal(leaf, "recall", subject)
            elif room and who not in holders and who not in self.authorities:
                room -= 1
                if self.try_other(leaf):
                    self.take(leaf)

    def contents(self):
        """The recalls of what a load holds: of the first ids that parties say to have packed."""
        if not is_load(self.asked):
            return
        packed = {}
        for leaf, (who, events) in sorted(self.followed[self.asked].opened.items()):
            for event in events if who in self.parties_now else []:
                packed.update(dict.fromkeys(event.packed(self.asked)))
        seen = set()
        for content in list(packed)[:CONTENTS]:
            holders = self.holders(content)
            for target in with_it(content):
                if target in seen:
                    continue
                seen.add(target)
                counts = [self.recalls_in(f"{holder} {target}") for holder in sorted(holders)]
                if any(counts) or is_class_level(target):
                    self.recalls_by_any(target, holders)

    def decided(self):
        """What members proposed of policies and authorities, which every verdict reads."""
        for leaf, _, _ in self.long_list("policy", "verdict"):
            changes = self.proposal(leaf, "policy", "verdict")["changes"]
            self.authorities.update(change["registration"] for change in changes if change["type"] == "authority")

    def proposal(self, leaf, kind, subject):
        """A proposal that verdicts read."""
        admin = self.admin(leaf, kind, subject)
        need(admin["type"] == "proposal", f"leaf {leaf} of {kind} {short(subject)} proposes nothing")
        self.proposals.append(leaf)
        return admin

    # 4. Participants, 5. Proposals

    def parties(self):
        self.known |= self.parties_now
        for participant in self.known:
            for leaf, _, _ in self.list("party", participant):
                admin = self.admin(leaf, "party", participant)
                if admin["type"] == "proposal" and any(decides_about(change, participant) for change in admin["changes"]):
                    self.end(base64url(self.admins[leaf].id))
        for leaf in self.proposals:
            self.end(base64url(self.admins[leaf].id))

    def end(self, proposal_id):
        """The last leaf about a proposal, and not what stands there."""
        need(self.last_of("proposal", proposal_id, 1), f"proposal {short(proposal_id)} does not show its last leaf")


# --- Evidence ----------------------------------------------------------------------------------------------------------

EVIDENCE = (
    "version", "id", "label", "checkpoint", "commit", "seal", "signers", "index", "statements", "registrations", "seals", "handovers",
    "formerMembers", "inclusionProof",
)  # fmt: skip


def ascending(leaves, what):
    need(all(a < b for a, b in zip(leaves, leaves[1:])), f"{what} are not in order")


def read_seal(value):
    obj(value, "a seal's entry", ("leafIndex", "seal"))
    return Seal(whole(value["leafIndex"], "a seal's leafIndex"), text_of(value["seal"], "a seal"))


def read_statements(value, what):
    read = {}
    last = -1
    for item in array(value, what):
        obj(item, f"an entry of {what}", ("leafIndex", "statement"))
        leaf = whole(item["leafIndex"], f"a leafIndex of {what}")
        need(leaf > last, f"{what} are not in order")
        read[leaf] = statement(item["statement"], f"a statement of {what}")
        last = leaf
    return read


def evidence(anchor, data, asked=None):
    """Verifies an evidence document; how many leaves, subjects and signatures it proved."""
    need(len(data if isinstance(data, bytes) else data.encode("utf-8", "replace")) <= 67_108_864, "the evidence is longer than 64 MiB")
    value = strict_json(data, "the evidence")
    need(isinstance(value, dict), "the evidence is no object")

    # 1
    version(value, 3, "the evidence")
    obj(value, "the evidence", EVIDENCE)
    identifier = text_of(value["id"], "id")
    need(canonical_id(identifier, "id") == identifier, "id is not in its canonical form")
    label = obj(value["label"], "label", (), tuple(LABEL))
    pairs = [(name, text_of(text, "an attribute of label")) for name, text in label.items()]
    need(asked is not None or labelled(identifier, pairs) == (identifier, label), "the label is not one of this id")
    need(asked is None or question(asked) == (identifier, label), "the evidence is about another id, or for another label")

    # 2
    handovers = [Handover(item) for item in array(value["handovers"], "handovers")]
    former = [jwk(item, "a former member's key") for item in array(value["formerMembers"], "formerMembers")]
    chain = Chain(anchor, handovers)
    size, root = checkpoint(value["checkpoint"], anchor.origin)
    own = isinstance(value["commit"], dict) and value["commit"].get("height") == anchor.height
    said_height = value["commit"].get("height") if isinstance(value["commit"], dict) else None
    need(is_int(said_height) and said_height >= anchor.height, f"the block {short(said_height)} is below the anchor's, {anchor.height}: only an older anchor shows it")
    height, votes = commit(value["commit"], anchor.origin, value["checkpoint"], chain.in_force(said_height)[0] or anchor.keys, own)
    need(chain.sets[-1][0] <= height, "a handover is of a later block than the evidence")
    need(not own or (size, root) == (anchor.size, anchor.root), "the anchor's block has another size or root")
    last = read_seal(value["seal"])
    need(last.index == size - 1, "the seal does not stand at the checkpoint's last leaf")
    need(last.height == height, "the seal is of another height than the commit")
    need(last.previous_size <= last.index, "the seal's block begins after its end")
    chain.check_seal(last)
    need(last.next_members_hash == chain.in_force(height + 1)[1], "the seal hands over to other members than the handovers lead to")

    # 3
    signers = [signer(text, "a signer") for text in array(value["signers"], "signers")]
    entries = [Entry(item, signers) for item in array(value["index"], "index")]
    captures = read_statements(value["statements"], "statements")
    registrations = read_statements(value["registrations"], "registrations")
    seals = [read_seal(item) for item in array(value["seals"], "seals")]
    ascending([entry.order for entry in entries], "the entries of index")
    ascending([seal.index for seal in seals], "seals")
    leaves = {last.index: last.leaf_hash}
    for seal in seals:
        need(seal.index not in leaves or seal.leaf_hash == last.leaf_hash, "two seals stand at one leaf")
        leaves[seal.index] = seal.leaf_hash
    for leaf, said in [*captures.items(), *registrations.items()]:
        need(leaf not in leaves, f"leaf {leaf} stands there twice")
        leaves[leaf] = said.leaf_hash
    proof = [hash_of(text, "a hash of inclusionProof") for text in array(value["inclusionProof"], "inclusionProof")]
    need(multi_leaf_inclusion_proof(size, sorted(leaves.items()), proof, "inclusionProof") == root, "the leaves are not in the checkpoint's tree")
    ends = [seal.index for seal in seals]
    blocks = {}
    last_words = {entry.subject: entry.leaves[-1] for entry in entries if entry.kind == "proposal" and entry.leaves}
    for leaf in [*captures, *registrations, *(leaf for entry in entries if entry.kind == "proposal" for leaf in entry.leaves)]:
        at = bisect.bisect_left(ends, leaf)
        need(at < len(seals) and seals[at].previous_size <= leaf, f"the seal of leaf {leaf} is not there")
        blocks[leaf] = seals[at]
    need({seal.index for seal in blocks.values()} == set(ends), "a seal is of no statement's block")
    for seal in seals:
        chain.check_seal(seal)

    # 4
    ascending(signers, "signers")
    used = {number for entry in entries for number in entry.numbers}
    need(len(used) == len(signers), "a signer is named by no entry")
    for entry in entries:
        entry.verify(last.index_root)
    index = {(entry.kind, entry.subject): entry for entry in entries}

    # 5
    registry = Registry(anchor.origin)
    by_kid = {thumbprint(point): point for point in former}
    shown = {**anchor.founders}
    for handover in handovers:
        shown.update(handover.keys)
    enacted = []  # the leaf by which, and the proposal
    for leaf, said in registrations.items():
        while enacted and enacted[0][0] < leaf:
            by, proposed = enacted.pop(0)
            registry.enact(proposed, by)
        keys, _ = chain.in_force(blocks[leaf].height)
        if keys is None:  # before the anchor's end nobody but the index says who was a member
            need(leaf < anchor.size, f"nobody is known to be a member at leaf {leaf}")
            keys = {**by_kid, **shown, **anchor.keys}
        registry.apply(said, keys, blocks[leaf].time, leaf)
        by = last_words.get(base64url(said.id))
        if by is not None and said.id in blocks[by].enacted:
            enacted.append((by, said))
            enacted.sort(key=lambda one: one[0])
    for by, said in enacted:
        registry.enact(said, by)
    ascending([thumbprint(point) for point in former], "formerMembers")
    need(not by_kid.keys() & shown.keys(), "formerMembers has one who is shown elsewhere")
    need(by_kid.keys() <= {said.signer for said in registrations.values()}, "formerMembers has one who signed nothing here")

    # 6
    signed = {}
    for leaf, said in captures.items():
        need(said.capture, f"an admin statement stands among the captures, at leaf {leaf}")
        need(said.aud == anchor.origin, f"the capture at leaf {leaf} is for another ledger")
        need(said.signer in registry.certificates, f"no registration names the certificate of the capture at leaf {leaf}")
        participant, certificate = registry.certificates[said.signer]
        need(said.is_signed_by(certificate.point), f"the signature of the capture at leaf {leaf} does not hold")
        said.events  # refuses what is no capture
        signed[leaf] = said, participant, blocks[leaf].time

    # 7
    follows = Follows(identifier, label, index, signed, registrations, registry.successors)
    for subject, (start, end) in follows.needed.items():
        entry = index[subject]
        shown = (entry.first, entry.end) if entry.leaves else None
        need(shown == ((start, end) if start < end else None), f"{entry.name} does not show exactly what is followed of it")
    for subject, entry in index.items():
        need(subject in follows.needed, f"{entry.name} is shown and not needed")
    used = {leaf for entry in entries if entry.kind in ("prefix", "party") for leaf in entry.leaves}
    used |= follows.opened | set(follows.proposals)
    for leaf in [*captures, *registrations]:
        need(leaf in used, f"the statement at leaf {leaf} is shown and not needed")

    # 8
    named = {leaf: said.names(participant) for leaf, (said, participant, _) in signed.items()}
    named.update((leaf, said.names(None)) for leaf, said in registrations.items())
    said_by = {leaf: (participant_signer(participant), said.acts(participant)) for leaf, (said, participant, _) in signed.items()}
    said_by.update((leaf, (member_signer(said.signer), {})) for leaf, said in registrations.items())
    for entry in entries:
        for leaf, signed_as, acts in zip(entry.leaves, entry.signers, entry.acts):
            if entry.kind in ("proposal", "id", "transformation", "recall") and leaf not in named:
                continue  # what was said last of a proposal is not shown, nor what was not opened
            need(leaf in named, f"the statement at leaf {leaf} of {entry.name} is not there")
            need((entry.kind, entry.subject) in named[leaf], f"the statement at leaf {leaf} does not name {entry.name}")
            by, done = said_by[leaf]
            need(signed_as == by, f"{entry.name} names another signer of leaf {leaf}")
            need(acts == (done.get(entry.subject, 0) if entry.kind == "id" else 0), f"{entry.name} has other acts of leaf {leaf}")
    for leaf, subjects in named.items():
        for subject in subjects:
            entry = index.get(subject)
            if entry and not entry.shows(leaf):
                need(not entry.would_show(leaf), f"the list of {entry.name} lacks leaf {leaf}")

    return len(leaves), len(entries), votes + chain.votes + len(captures) + len(registrations) + registry.consents


# --- Command line ------------------------------------------------------------------------------------------------------


def judge_set(directory):
    anchors = {}
    for name in sorted(os.listdir(directory)):
        if not name.endswith(".json"):
            continue
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            case = json.load(file)
        result = {"name": case.get("name", name), "holds": False, "reason": None}
        try:
            key = json.dumps(case["anchor"], sort_keys=True)
            if key not in anchors:
                anchors[key] = Anchor(case["anchor"])
            evidence(anchors[key], case["evidence"], case["id"])
            result["holds"] = True
        except Refused as refusal:
            result["reason"] = str(refusal)
        print(json.dumps(result, ensure_ascii=False))


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--set":
        return judge_set(arguments[1])
    if len(arguments) not in (2, 3) or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(arguments[0], "rb") as anchor, open(arguments[1], "rb") as document:
            trusted = Anchor(strict_json(anchor.read(), "the anchor"))
            counts = evidence(trusted, document.read(), *arguments[2:])
    except Refused as refusal:
        print(f"refused: {refusal}")
        return 4
    print("holds: {} leaves, {} subjects, {} signatures".format(*counts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
