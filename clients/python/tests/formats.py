#!/usr/bin/python3
"""The worked examples of docs/FORMATS.md, and properties of the proofs, by `sealane.evidence`."""

import base64
import itertools
import json
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealane.evidence import *  # noqa: F403

# --- Self-test ---------------------------------------------------------------------------------------------------------


def naive_root(digests):
    """RFC 9162 §2.1.1 as it is written."""
    if not digests:
        return sha256(b"")
    if len(digests) == 1:
        return digests[0]
    k = 1
    while 2 * k < len(digests):
        k *= 2
    return node_hash(naive_root(digests[:k]), naive_root(digests[k:]))


def naive_proof(digests, shown, low=0):
    """The multi-leaf inclusion proof of the leaves at these indices, as the page says it."""
    if not any(low <= index < low + len(digests) for index in shown):
        return [naive_root(digests)]
    if len(digests) == 1:
        return []
    k = 1
    while 2 * k < len(digests):
        k *= 2
    return naive_proof(digests[:k], shown, low) + naive_proof(digests[k:], shown, low + k)


def naive_way(nodes, key, depth=0):
    """The siblings on a key's way and what stands at its end."""
    if len(nodes) <= 1:
        return [], next(iter(nodes.items()), None)
    halves = [{k: v for k, v in nodes.items() if bit(k, depth) == side} for side in (0, 1)]
    siblings, end = naive_way(halves[bit(key, depth)], key, depth + 1)
    sibling = whole_index(halves[1 - bit(key, depth)], depth + 1)
    return [None if sibling == EMPTY_SUBTREE else base64url(sibling), *siblings], end


def holds(check, *arguments):
    try:
        check(*arguments)
        return True
    except Refused:
        return False


def self_test():
    test_examples()
    test_multi_leaf()
    test_index()
    test_ids()
    test_strictness()
    test_note_keys()
    print("self-test: all holds")


def examples():
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "docs", "FORMATS.md")
    with open(page, encoding="utf-8") as file:
        return dict(re.findall(r"^```\w+ example:([\w-]+)\n(.*?)\n```$", file.read(), re.M | re.S))


def test_examples():
    page = examples()
    key, participant = jwk(json.loads(page["member-key-jwk"]), "key"), jwk(json.loads(page["participant-key-jwk"]), "key")
    assert (SPKI + key).hex() == page["member-key-spki"] and base64url(thumbprint(key)) == page["member-key-kid"]
    for name, seed, point in (("member", b"sealane example member key", key), ("participant", b"sealane example participant key", participant)):
        assert sha256(seed).hex() == page[f"{name}-key-private"]
        numbers = ec.derive_private_key(int.from_bytes(sha256(seed), "big"), ec.SECP256R1()).public_key().public_numbers()
        assert numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big") == point

    said = statement(page["statement-compact"], "example")
    assert said.capture and said.is_signed_by(participant) and not said.is_signed_by(key)
    assert said.signer == sha256(b"sealane example certificate") and base64url(said.id) == page["statement-id"]
    assert said.payload.decode() == page["statement-payload"]
    assert said.names("p") == {("id", "https://id.gs1.org/01/09506000134352/21/A1")}
    header, _, signature = page["statement-compact"].split(".")
    assert f"{header}..{signature}" == page["statement-detached"]
    assert unbase64url(header, "").decode() == page["statement-header"]

    genesis = statement(page["genesis-compact"], "example")
    anchor = Anchor(json.loads(page["anchor"]))
    assert anchor.origin == genesis.aud and anchor.height == 0 and json.loads(page["anchor"])["genesis"] == page["genesis-compact"]
    note_seed = ed25519.Ed25519PrivateKey.from_private_bytes(sha256(b"sealane example member note key"))
    note = raw_of(note_seed)
    assert base64url(note) == page["member-note-key"] == json.loads(page["members"])[0]["noteKey"]
    note_id = sha256(anchor.origin.encode() + b"\n\x01" + note)[:4]
    assert page["note-key-ed25519"] == f"{anchor.origin}+{note_id.hex()}+{base64.b64encode(bytes([1]) + note).decode()}"
    assert founder_bytes(anchor.origin, genesis.admin["entries"][0]).hex() == page["founder-bytes"]
    assert base64url(anchor.members_hash) == page["members-hash"] and sha256(page["members"].encode()) == anchor.members_hash
    assert is_origin(page["default-origin"]) and page["default-origin"].endswith(page["member-key-kid"])

    seals = [Seal(1, page["seal-0"]), Seal(3, page["seal-1"])]
    tree = [genesis.leaf_hash, seals[0].leaf_hash, said.leaf_hash, seals[1].leaf_hash]
    lines = dict(line.rsplit(None, 1) for line in page["tree"].splitlines())
    assert [lines[f"leaf {i}"] for i in range(4)] == [digest.hex() for digest in tree]
    assert lines["root 0-3"] == tree_root(tree).hex() and lines["no leaves"] == tree_root([]).hex()
    assert lines["node 0-1"] == tree_root(tree[:2]).hex() and lines["node 2-3"] == tree_root(tree[2:]).hex()
    assert f"{1 + len(page['seal-1'])} bytes" in page["leaf-seal"] and f"{1 + said.length} bytes" in page["leaf-statement"]
    long = b"x" * 70_000
    assert leaf_hash_of(long) == leaf_hash(bytes.fromhex(page["leaf-long-statement"]))

    text = page["checkpoint"] + "\n"
    assert checkpoint(text, anchor.origin) == (4, tree_root(tree))
    lines = [line.split(" ")[1:] for line in page["signed-note"].split("\n\n")[1].splitlines()]
    assert page["signed-note"].startswith(text) and [name for name, _ in lines] == [anchor.origin] * 2
    by_key, by_note = (base64.b64decode(line) for _, line in lines)
    assert by_key[:4] == thumbprint(key)[:4] and by_note == note_id + note_seed.sign(text.encode())
    key_at(key).verify(by_key[4:], text.encode(), ec.ECDSA(hashes.SHA256()))
    assert sha256(anchor.origin.encode()).hex() == page["origin-hash"] and sha256(text.encode()).hex() == page["checkpoint-hash"]
    assert commit_bytes(anchor.origin, 1, 0, text).hex() == page["commit-bytes"]
    assert commit(json.loads(page["commit"]), anchor.origin, text, anchor.keys) == (1, 1)
    receipt = json.loads(page["receipt"])
    proof = [hash_of(item, "") for item in receipt["inclusionProof"]]
    assert multi_leaf_inclusion_proof(4, [(2, said.leaf_hash)], sorted(proof, key=lambda item: item == tree[3]), "") == tree_root(tree)

    for line in page["index-keys"].splitlines():
        kind, digest, subject = line.split(None, 2)
        assert index_key(kind, subject).hex() == digest
    values = dict(re.split(r"  +", line) for line in page["index-hashes"].splitlines())
    acme, seoul = (participant_signer(text) for text in ("5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10", "9b2f4c1e-0a3d-4e5f-8b7a-6c5d4e3f2a1b"))
    entries = {0: (member_signer(thumbprint(key)), 0), 2: (acme, 0x01), 5: (acme, 0x02), 9: (seoul, 0x04)}
    written = dict(line.rsplit("  ", 1) for line in page["index-entries"].splitlines())
    assert written == {f"leaf {n}": (n.to_bytes(8, "big") + by + bytes([acts])).hex() for n, (by, acts) in entries.items()}
    value = lambda *numbers: index_value(len(numbers), tree_root(list_entry(n, *entries[n]) for n in numbers))
    product = index_key("id", "https://id.gs1.org/01/09506000134352/21/A1"), value(2)
    member = index_key("party", page["member-key-kid"]), value(0)
    assert values["empty subtree"] == EMPTY_SUBTREE.hex() and values["value of leaf 2"] == value(2).hex()
    assert values["value of the longer list"] == value(2, 5, 9).hex() and values["value of leaf 0"] == value(0).hex()
    assert values["node of the product"] == index_leaf_node(*product).hex() and values["node of the member"] == index_leaf_node(*member).hex()
    assert whole_index(dict([member])) == seals[0].index_root
    assert seals[1].index_root.hex() == values["index root of seal 1"]
    assert seals[1].index_root == whole_index(dict([member, product]))
    for name in ("index-presence", "index-absence"):
        Entry(json.loads(page[name]), [acme]).verify(seals[1].index_root)
    for line in page["acts"].splitlines():
        acts, text = line.split("  ", 1)
        event = Event({"eventTime": "2026-11-21T09:29:00.000Z", **json.loads(text)})
        assert event.acts("https://id.gs1.org/01/09506000134352/21/A1") == int(acts, 16), text
    root, part = page["index-part"].splitlines()
    Entry(json.loads(part), [acme, seoul]).verify(bytes.fromhex(root.split()[-1]))
    evidence(anchor, page["evidence"], json.loads(page["evidence"])["id"])
    handover = Handover(json.loads(page["handover"]))
    chain = Chain(anchor, [handover])
    assert handover.hash == sha256(json.dumps(json.loads(page["handover"])["members"], separators=(",", ":")).encode())
    assert [chain.in_force(height)[1] for height in (0, 1, 2, 3)] == [None, anchor.members_hash, anchor.members_hash, handover.hash]
    for size in range(1, 20):
        digests = [leaf_hash(bytes([n])) for n in range(size)]
        bounds = list(itertools.accumulate((1 << bit for bit in reversed(range(5)) if (size - 1) >> bit & 1), initial=0))
        proof = [naive_root(digests[a:b]) for a, b in zip(bounds, bounds[1:])][::-1]
        assert last_leaf_root(size, digests[-1], proof) == naive_root(digests)
        assert not holds(last_leaf_root, size, digests[-1], proof + [digests[0]]) and not (proof and holds(last_leaf_root, size, digests[-1], proof[1:]))


def test_multi_leaf():
    chance = random.Random(9162)
    for size in range(1, 34):
        digests = [leaf_hash(bytes([i])) for i in range(size)]
        root = naive_root(digests)
        assert root == tree_root(digests)
        subsets = itertools.chain.from_iterable(itertools.combinations(range(size), k) for k in range(size + 1)) if size <= 8 else (
            sorted(chance.sample(range(size), chance.randint(0, size))) for _ in range(60)
        )  # fmt: skip
        for shown in subsets:
            proof = naive_proof(digests, shown)
            leaves = [(i, digests[i]) for i in shown]
            assert multi_leaf_inclusion_proof(size, leaves, proof, "") == root
            assert not holds(multi_leaf_inclusion_proof, size, leaves, proof + [root], "")
            if proof:
                assert not holds(multi_leaf_inclusion_proof, size, leaves, proof[:-1], "")
            if leaves:
                wrong = leaves[:-1] + [(leaves[-1][0], leaf_hash(b"wrong"))]
                assert multi_leaf_inclusion_proof(size, wrong, proof, "") != root


def test_index():
    chance = random.Random(3)
    signers = [participant_signer("5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10"), member_signer(bytes(32))]
    told = lambda leaves: {"leaves": leaves, "signers": [n % 2 for n in leaves], "acts": list(leaves)}
    for count in (0, 1, 2, 3, 10, 40):
        lists = {f"s{i}": sorted(chance.sample(range(200), chance.randint(1, 12))) for i in range(count)}
        said = lambda leaf: (leaf, signers[leaf % 2], leaf)
        entry_hashes = {name: [list_entry(*said(n)) for n in leaves] for name, leaves in lists.items()}
        nodes = {index_key("id", name): index_value(len(h), naive_root(h)) for name, h in entry_hashes.items()}
        root = whole_index(nodes)
        for name in [*lists, "absent", "absent too", "nobody"]:
            siblings, end = naive_way(nodes, index_key("id", name))
            value = {"kind": "id", "subject": name, "count": 0, "first": 0, "path": [], "siblings": siblings, **told([])}
            leaves = lists.get(name)
            if leaves:
                low = chance.randrange(len(leaves) + 1)
                high = chance.randint(low, len(leaves))
                path = naive_proof(entry_hashes[name], range(low, high))
                value.update(told(leaves[low:high]))
                value.update(count=len(leaves), first=low if low < high else 0, path=[base64url(h) for h in path])
            elif end:
                value["other"] = {"key": base64url(end[0]), "value": base64url(end[1])}
            entry = Entry(value, signers)
            entry.verify(root)
            for change in ({"count": entry.count + 1}, {"siblings": siblings + [None]}, {"subject": name + "x"}):
                changed = holds(lambda: Entry({**value, **change}, signers).verify(root))
                assert not changed or (not leaves and "subject" in change), (value, change)
            if leaves and low < high:
                assert not holds(lambda: Entry({**value, **told(value["leaves"][:-1])}, signers).verify(root))
                for change in ({"leaves": value["leaves"][:-1]}, {"signers": [2, *value["signers"][1:]]}, {"acts": [256, *value["acts"][1:]]}):
                    assert not holds(lambda: Entry({**value, **change}, signers)), change
                for change in ({"signers": [1 - n for n in value["signers"]]}, {"acts": [n ^ 1 for n in value["acts"]]}):
                    assert not holds(lambda: Entry({**value, **change}, signers).verify(root)), change
                assert entry.shows(leaves[low]) and entry.would_show(leaves[low] + 1) == (high == len(leaves) or high > low + 1)


def test_ids():
    page = examples()
    for line in page["ids"].splitlines():
        spelling, canonical = line.split("  ")
        read = read_id(spelling)
        said = "refused" if isinstance(read, Refused) else "stands as it is" if read == spelling else read
        assert said == canonical, (line, read)
    for line in page["id-prefixes"].splitlines():
        identifier, gtin, prefixes = line.split("  ")
        assert canonical_id(identifier) == identifier and (class_of(identifier) or "no class") == gtin, line
        assert (" ".join(candidates(identifier)) or "no candidates") == prefixes, line
    for text in ("", "foo", "a:", "http:a", "http:///a", "https://a b/", "https://a/%zz", "https://a@b@c/", "https://a:b/", "https://a/#b#c", "//a/b", "https://a/[b]", "x:" + "y" * 1023):
        assert not holds(canonical_id, text), text
    for text in ("https://[2001:db8::1]:80/a?b/c#d?e", "x://h", "file:///a", "did:web:a.example", "geo:22.3,-118.4", "x:" + "y" * 1022):
        assert canonical_id(text) == text


def test_strictness():
    for text in (b'{"a":1,"a":1}', b"[NaN]", b'"\xff"', b'"\\ud800"', b"[1] x", b"[" * 65 + b"]" * 65, b"[" * 100_000, b"[1e999]", b"\xef\xbb\xbf[]"):
        assert not holds(strict_json, text, "x"), text
    assert strict_json(b"[" * 64 + b"]" * 64, "x") and not is_int(strict_json(b"1.0", "x")) and not is_int(strict_json(b"-0", "x")) and not is_int(True)
    for text in ("AA=", "AB", "A", "A+/A", "AA\n", "AAé"):
        assert not holds(unbase64url, text, "x"), text
    assert any_time("1970-01-01T00:00:00Z", "") == 0 and any_time("2026-11-21t09:29:00.12399+01:00", "") == own_time("2026-11-21T08:29:00.123Z", "")
    for text in ("1970-01-01T00:00:00.000Z", "0000-02-29T23:59:59.999Z", "9999-12-31T00:00:00.001Z", "2026-11-21T08:29:00.123Z"):
        assert written_time(own_time(text, "")) == text
    for separator in (" ", "X", "5", "\t", "\0", "é", ""):
        assert not holds(any_time, f"2026-01-01{separator}00:00:00Z", ""), separator
    for number in (b"[1e-400]", b"[-0.0001e-400]"):
        assert not holds(strict_json, number, ""), number
    assert strict_json(b"[0e-400,5e-324]", "") == [0.0, 5e-324]
    assert holds(epcis_events, b'\xef\xbb\xbf{"@context":[],"type":"EPCISDocument","epcisBody":{"eventList":[]}}')
    assert any_time("2016-12-31T23:59:60Z", "") == any_time("2017-01-01t08:59:60.5+09:00", "") == any_time("2016-12-31T23:59:59.999Z", "")
    assert not holds(any_time, "2016-12-31T22:59:60Z", "") and not holds(any_time, "0000-01-01T00:00:00+01:00", "")
    assert not holds(any_time, "2026-02-29T00:00:00Z", "") and not holds(own_time, "2026-11-21T08:29:00.12Z", "")


def raw_of(private):
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def test_note_keys():
    for seed in range(20):
        point = ed25519_point(raw_of(ed25519.Ed25519PrivateKey.from_private_bytes(sha256(bytes([seed])))))
        assert point and not is_of_small_order(point)
    small = (
        "0100000000000000000000000000000000000000000000000000000000000000", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )  # fmt: skip
    assert all(is_of_small_order(ed25519_point(bytes.fromhex(text))) for text in small)
    none = ("f2" + "ff" * 30 + "7f", "ff" * 32, "02" + "00" * 31, "01" + "00" * 30 + "80")
    assert not any(ed25519_point(bytes.fromhex(text)) for text in none)


if __name__ == "__main__":
    sys.exit(self_test())
