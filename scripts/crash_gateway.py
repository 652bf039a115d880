"""`scripts/crash gateway`: a participant's gateway, killed again and again while its clients post.

Each round starts the gateway, posts plain EPCIS documents over several connections, and kills the gateway with SIGKILL at a random
moment: after a while, at its first answer, or while it starts. In one round of ten its node is killed too, and started again. Some
documents are posted with `GS1-Capture-Error-Behaviour: proceed`, some are single events, and some that were accepted are posted again.

Every few rounds the clients pause, and with no code of Sealane's it is checked that

* every capture that was accepted (202 or 201) is a job that is final, with a receipt;
* every event of an accepted capture stands on the ledger once, read from the statements in the entry bundles;
* no event stands there twice, whether it was accepted or the kill cut its answer off.

The last line tells how many captures were accepted, how many were lost and how many events stand twice. The seed decides rounds and
moments; what the machine does meanwhile differs.
"""

import argparse
import datetime
import json
import os
import pathlib
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from crash_ledger import BUNDLE, PATIENCE, Connection, Killed, Lost, base64url, bundle_path, document, expect, from_base64url

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Rounds between two checks.
CHECK_EVERY = 10

# Connections that post at once.
POSTERS = 4

# When a gateway is killed, and how many rounds of a hundred are of each kind.
KINDS = {"load": 65, "first": 20, "start": 15}

# Seconds within which everything that was accepted must be final once nothing is killed any more.
FINAL_WITHIN = 120


class Program:
    """One life of a node or a gateway."""

    def __init__(self, run, *arguments):
        self.log = run.log.open("ab")
        command = [run.binary, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=run.environment)
        self.address = None

    def wait_until_up(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else b""
        expect(line, "it does not start on what the kill has left; the log says why")
        self.address = json.loads(line)["url"].removeprefix("http://")
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Captures:
    """What clients have captured at a gateway, and what must stand on the ledger for it."""

    def __init__(self):
        self.accepted, self.serials, self.cut_off = {}, {}, set()
        self.count = 0
        self.slowest = 0.0
        self.lock = threading.Lock()

    def make(self, dice):
        """A document that was not posted before, its serials, and how it is posted."""
        with self.lock:
            first, count = self.count, dice.randint(1, 3)
            self.count += count
        serials = [f"S{number}" for number in range(first, first + count)]
        events = [event(serial) for serial in serials]
        kind = dice.random()
        if kind < 0.05:
            single = {"@context": document([])["@context"]} | event(serials[0])
            return "/events", single, serials[:1], {}
        headers = {"GS1-Capture-Error-Behaviour": "proceed"} if kind < 0.15 else {}
        if headers:
            events.insert(0, event(serials[0]) | {"eventTime": "never"})
        return "/capture", document(events), serials, headers

    def check_final(self, connection):
        """Waits until every accepted capture is final. Its serials must stand on the ledger from then on."""
        until = time.monotonic() + FINAL_WITHIN
        for job, (serials, client) in self.accepted.items():
            while True:
                status, body = connection.ask("GET", f"/capture/{job}", headers=client)
                expect(status == 200, f"LOST: job {job} was accepted, and the gateway says {status}")
                told = json.loads(body)
                if not told["running"]:
                    break
                expect(time.monotonic() < until, f"LOST: job {job} is not final: {told}")
                time.sleep(0.05)
            expect(told["sealane:state"] == "final", f"LOST: job {job} is {told['sealane:state']}: {told}")
            self.slowest = max(self.slowest, seconds_of(told["finishedAt"]) - seconds_of(told["createdAt"]))
            self.serials.update(dict.fromkeys(serials, job))
        self.accepted.clear()

    def check_once(self, found, where):
        """Holds serials, each with the places where it was found, against what was accepted."""
        for serial, job in self.serials.items():
            expect(found.get(serial), f"LOST: {serial} of job {job} is not {where}")
        twice = {serial: places for serial, places in found.items() if len(places) > 1}
        expect(not twice, f"TWICE {where}: {dict(list(twice.items())[:5])}")

    def kept_unheard(self, found):
        """How many serials stand on the ledger whose answer a kill cut off."""
        return sum(1 for serial in self.cut_off if serial in found and serial not in self.serials)


class Poster:
    """A client that posts one capture after the other, and some again."""

    def __init__(self, captures, dice, client=None):
        """`client` has the headers by which the gateway knows it, if it asks for them."""
        self.captures, self.dice, self.client = captures, dice, client or {}
        self.last = None

    def next(self):
        again = self.last is not None and self.dice.random() < 0.05
        return self.last if again else self.captures.make(self.dice)

    def post(self, connection, capture):
        """Has a capture accepted, or raises `Killed` if the gateway goes away before it answers."""
        (path, body, serials, headers), captures = capture, self.captures
        headers = {"Content-Type": "application/json"} | headers | self.client
        try:
            status, answer = connection.ask("POST", path, json.dumps(body).encode(), headers)
        except Killed:
            with captures.lock:
                captures.cut_off.update(serials)
            raise
        expect(status in (201, 202), f"POST {path}: {status} {answer[:500]!r}")
        with captures.lock:
            captures.accepted[json.loads(answer)["captureID"]] = (serials, self.client)
        self.last = capture


class Leaves:
    """Where each serial stands on the ledger, by the leaves of one node."""

    def __init__(self):
        self.count = 0
        self.found = {}

    def read(self, connection):
        """Reads what is new."""
        size = int(connection.get("/ledger/checkpoint").splitlines()[1])
        while self.count < size:
            index = self.count // BUNDLE
            width = min(BUNDLE, size - index * BUNDLE)
            bundle = connection.get(bundle_path(index, width))
            at, entries = 0, []
            while at < len(bundle):
                length = int.from_bytes(bundle[at : at + 2], "big")
                entries.append(bundle[at + 2 : at + 2 + length])
                at += 2 + length
            for data in entries[self.count - index * BUNDLE :]:
                self.take(connection, data)
                self.count += 1

    def take(self, connection, data):
        if data[:1] == b"\x02":
            # A statement too long for its leaf.
            data = b"\x01" + connection.get(f"/ledger/statements/{base64url(data[1:33])}")
        if data[:1] != b"\x01":
            return
        payload = json.loads(from_base64url(data[1:].decode().split(".")[1]))
        for one in payload.get("epcisBody", {}).get("eventList", [payload]):
            for serial in serials_of(one):
                self.found.setdefault(serial, []).append(self.count)


class Run:
    def __init__(self, options):
        self.binary = options.binary
        self.dice = random.Random(options.seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sealane-crash-gateway-"))
        self.log = self.directory / "log"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SEALANE_")}
        self.environment["SEALANE_LOG"] = "warn"
        self.captures, self.leaves = Captures(), Leaves()
        self.kills = 0
        self.data, self.maker, self.queue = (self.directory / name for name in ("data", "maker", "gateway"))
        self.database = ["--database-url", options.database_url] if options.database_url else []
        self.node = None
        self.set_up()

    def must(self, *arguments):
        done = subprocess.run([self.binary, *map(str, arguments)], capture_output=True, text=True, env=self.environment, check=False)
        if done.returncode != 0:
            raise SystemExit(f"scripts/crash: sealane {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def set_up(self):
        self.must("init", "--name", "Crash", "--data", self.data)
        self.node = self.start_node("127.0.0.1:0")
        common = ["--url", f"http://{self.node.address}", "--data", self.data]
        asked = ["--organization", "Maker", "--role", "manufacturer", "--gs1-prefix", "9506000", "--out", self.maker]
        identity = json.loads(self.must("register", "--json", *asked, *common))["id"]
        self.must("approve", "--yes", identity, *common)
        self.must("certificate", identity, "--out", self.maker / "certificate.pem", *common)
        for policy in ("newIdsPerDay", "newIdsInAll", "subjectsMax"):
            self.must("policy", policy, 2_000_000_000, "--yes", *common)

    def start_node(self, address):
        return Program(self, "serve", "--json", "--listen", address, "--data", self.data).wait_until_up()

    def start_gateway(self):
        node = f"http://{self.node.address}"
        own = ["--as", self.maker, "--node", node, "--data", self.queue, *self.database]
        return Program(self, "gateway", "--json", "--listen", "127.0.0.1:0", *own)

    # Load

    def post(self, address, dice, ended, begun, problems):
        connection, poster = Connection(address), Poster(self.captures, dice)
        try:
            while not ended.is_set():
                poster.post(connection, poster.next())
                begun.set()
        except Killed:
            pass
        except Lost as refused:
            problems.append(str(refused))
        connection.close()

    def round(self):
        (kind,) = self.dice.choices(list(KINDS), list(KINDS.values()))
        gateway = self.start_gateway()
        self.kills += 1
        if kind == "start":
            time.sleep(self.dice.random() * 0.2)
            return gateway.kill()
        gateway.wait_until_up()
        ended, begun, problems = threading.Event(), threading.Event(), []
        seeds = [random.Random(self.dice.getrandbits(64)) for _ in range(POSTERS)]
        posters = [
            threading.Thread(target=self.post, args=(gateway.address, seed, ended, begun, problems)) for seed in seeds
        ]
        for poster in posters:
            poster.start()
        begun.wait(PATIENCE)
        if self.dice.random() < 0.1:
            address = self.node.address
            self.node.kill()
            time.sleep(self.dice.random() * 0.1)
            self.node = self.start_node(address)
        if kind == "load":
            time.sleep(self.dice.random() * 0.4)
        gateway.kill()
        ended.set()
        for poster in posters:
            poster.join()
        expect(not problems, "; ".join(problems[:3]))
        return None

    # Checks

    def check(self):
        gateway = self.start_gateway().wait_until_up()
        connection = Connection(gateway.address)
        self.captures.check_final(connection)
        connection.close()
        gateway.kill()
        connection = Connection(self.node.address)
        self.leaves.read(connection)
        connection.close()
        self.captures.check_once(self.leaves.found, "on the ledger")


def event(serial):
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventTimeZoneOffset": "+00:00",
        "epcList": [f"https://id.gs1.org/01/09506000134352/21/{serial}"],
        "action": "ADD",
        "bizStep": "commissioning",
    }


def serials_of(told):
    """The serials that an event names."""
    return [epc.rsplit("/", 1)[1] for epc in told.get("epcList", [])]


def seconds_of(told):
    """A time in seconds. Python before 3.11 reads no Z."""
    return datetime.datetime.fromisoformat(told.replace("Z", "+00:00")).timestamp()


def interrupt(*_):
    raise KeyboardInterrupt


def main(name, arguments):
    parser = argparse.ArgumentParser(prog=f"{name} gateway", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=100)
    parser.add_argument("seed", nargs="?", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--database-url", help="keep the gateway's queue in this empty PostgreSQL database")
    options = parser.parse_args(arguments)
    options.binary = os.environ.get("SEALANE_BIN") or str(ROOT / "target/release/sealane")
    if not os.access(options.binary, os.X_OK):
        parser.error(f"no program at {options.binary}: build it, or name it in SEALANE_BIN")
    signal.signal(signal.SIGTERM, interrupt)
    run = Run(options)
    print(f"{name} gateway: seed {options.seed}, {options.rounds} rounds in {run.directory}", flush=True)
    began, done = time.monotonic(), 0
    try:
        for done in range(1, options.rounds + 1):
            run.round()
            if done % CHECK_EVERY == 0 or done == options.rounds:
                run.check()
                print(f"round {done}: {len(run.captures.serials)} events accepted and final", flush=True)
    except Lost as error:
        print(f"{name} gateway: seed {options.seed}, round {done}: {error}\nkept: {run.directory}", file=sys.stderr)
        return 1
    finally:
        run.node.kill()
    print(
        f"{run.kills} kills in {time.monotonic() - began:.0f} s: {len(run.captures.serials)} events of accepted captures, "
        f"0 lost, 0 twice; {run.captures.kept_unheard(run.leaves.found)} more events were kept whose answer the kill cut off"
    )
    shutil.rmtree(run.directory, ignore_errors=True)
    return 0
