"""`scripts/crash gateway-members`: one gateway before four members' nodes, of which one after the other is killed.

Several clients, each with a key of its own, capture plain EPCIS at the gateway without a pause: small documents, single events, some
with `GS1-Capture-Error-Behaviour: proceed`, some again. Each round kills one member by chance with SIGKILL, leaves it away for some
seconds, and starts it again. The next one is killed once all four see each other and have the same tree, so that a quorum is always
there. In one round of four the gateway is killed too, at any moment of it, and started again at once. A client whose answer that cut
off posts the same document again, or never.

Every few rounds the clients pause, and with no code of Sealane's it is checked that

* every capture that was accepted (202 or 201) is a job that is final;
* on the ledger of each member, read from the statements in its entry bundles, every event of an accepted capture stands once, and none
  stands twice;
* the pages of `GET /events` at the gateway have every such event once, and none twice; and so has a query for one of them;
* no log says that a member signs nothing more, that one has signed two things, that a node gave a receipt that does not hold or refused
  a capture, or that a thread has panicked.

At the end the nodes stop, and `sealane audit` of all four finds nothing. The last line tells how many captures were accepted, and how
long the slowest of them took to be final. The seed decides rounds, victims and moments; what the machine does meanwhile differs.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import sys
import threading
import time
import urllib.parse

from crash_gateway import ROOT, Captures, Leaves, Poster, Program, event, interrupt, serials_of
from crash_ledger import Connection, Killed, Lost, expect
from crash_members import NEVER, Consortium, check_log, free_ports

# Seconds that a member is away, at the least and at the most.
AWAY = (1.0, 5.0)

# In how many rounds of a hundred the gateway is killed too.
GATEWAY_KILLS = 25

# Seconds within which the gateway's queries must have what all members have.
ASKED_WITHIN = 30

# What the gateway may not write into its log: each member is honest.
NEVER_OF_GATEWAY = [*NEVER, "receipt that does not hold", "no rows are made", "a node refused a capture"]


class Run(Consortium):
    """Four members, and a gateway before them."""

    def __init__(self, options):
        super().__init__(options, "sealane-gateway-members-")
        self.log, self.queue = self.directory / "gateway.log", self.directory / "gateway"
        self.gateway, self.read = None, 0
        self.captures = Captures()
        self.keys, self.leaves = [], {}
        self.kills = self.gateway_kills = self.jobs = 0
        self.problems = []
        # Apart from the dice of rounds, since what it draws from differs from run to run.
        self.sampler = random.Random(options.seed)
        self.ended, self.threads = threading.Event(), []

    def found(self):
        super().found()
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        self.start_gateway()
        for number in range(self.options.clients):
            named = ["gateway", "client", "add", f"client-{number}", "--scopes", "capture,query", "--data", self.queue]
            key = json.loads(self.must(*named, "--json"))["key"]
            self.keys.append({"Authorization": f"Bearer {key}"})
        self.leaves = {member.name: Leaves() for member in self.members}

    def start_gateway(self):
        nodes = [part for member in self.members for part in ("--node", member.url)]
        served = ["--listen", self.address, "--as", self.directory / "maker", "--data", self.queue]
        self.gateway = Program(self, "gateway", "--json", *served, *nodes)
        self.gateway.wait_until_up()

    def kill(self):
        if self.gateway:
            self.gateway.kill()
        super().kill()

    # Load

    def begin_load(self):
        self.ended.clear()
        seeds = [random.Random(self.dice.getrandbits(64)) for _ in self.keys]
        self.threads = [threading.Thread(target=self.capture, args=pair) for pair in zip(self.keys, seeds)]
        for thread in self.threads:
            thread.start()

    def end_load(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        expect(not self.problems, "; ".join(self.problems[:3]))

    def capture(self, key, dice):
        """Captures one thing after the other, until the load ends."""
        connection, poster, again = Connection(self.address), Poster(self.captures, dice, key), None
        try:
            while not self.ended.is_set():
                capture = again or poster.next()
                try:
                    poster.post(connection, capture)
                    again = None
                except Killed:
                    again = capture if dice.random() < 0.5 else None
                    time.sleep(0.05)
                time.sleep(dice.uniform(0, self.options.pause))
        except Lost as refused:
            self.problems.append(str(refused))
        except Exception as error:  # noqa: BLE001: a client that ends in silence would look like one that is idle
            self.problems.append(f"a client ends with {error!r}")
        connection.close()

    # Rounds

    def round(self):
        """Kills a member, and perhaps the gateway; returns it in words."""
        victim, dice = self.dice.choice(self.members), self.dice
        away = dice.uniform(*AWAY)
        moments = [(0.0, "kill"), (away, "start")]
        if dice.randrange(100) < GATEWAY_KILLS:
            # Also before the member goes, and after it is back.
            moments.append((dice.uniform(-0.5, away + 1.0), "gateway"))
        moments.sort()
        first, began = min(0.0, moments[0][0]), time.monotonic()
        for at, action in moments:
            time.sleep(max(0.0, began + at - first - time.monotonic()))
            if action == "kill":
                victim.kill()
                self.kills += 1
            elif action == "start":
                victim.start()
            else:
                self.gateway.kill()
                self.gateway_kills += 1
                self.start_gateway()
        victim.wait_until_up()
        up = time.monotonic()
        self.wait_until_ready()
        # Level beside a load that goes on: seen at one size.
        self.wait_until_level()
        expect(not self.problems, "; ".join(self.problems[:3]))
        killed = " and the gateway" if len(moments) > 2 else ""
        return f"{victim.name}{killed}, away {away:.1f} s, level again {time.monotonic() - up:.1f} s after its start"

    # Checks

    def check(self, sample):
        """Lets the clients pause, and checks all that must hold then."""
        self.end_load()
        connection = Connection(self.address)
        self.jobs += len(self.captures.accepted)
        self.captures.check_final(connection)
        size = int(self.wait_until_level()[1])
        for member in self.members:
            reader, leaves = member.connect(), self.leaves[member.name]
            leaves.read(reader)
            reader.close()
            self.captures.check_once(leaves.found, f"on the ledger of {member.name}")
            member.check_log()
        self.wait_until_indexed(connection, size)
        self.captures.check_once(self.ask_for_all(connection), "in the answers of GET /events")
        serials = list(self.captures.serials)
        for serial in self.sampler.sample(serials, min(sample, len(serials))):
            epc = urllib.parse.quote(event(serial)["epcList"][0], safe="")
            told, _ = self.ask_events(connection, f"/events?MATCH_epc={epc}")
            expect(len(told) == 1, f"a query for {serial} finds it {len(told)} times")
        connection.close()
        self.read = check_log("the gateway", self.log, self.read, NEVER_OF_GATEWAY)

    def wait_until_indexed(self, connection, size):
        until = time.monotonic() + ASKED_WITHIN
        while True:
            _, body = connection.ask("GET", "/health/ready")
            told = json.loads(body).get("queries")
            if told["status"] == "ready" and (told["indexedSize"] or 0) >= size:
                return
            expect(time.monotonic() < until, f"the gateway's queries have not all {size} leaves after {ASKED_WITHIN} s: {told}")
            time.sleep(0.05)

    def ask_for_all(self, connection):
        """The leaves of each serial by all pages of `GET /events`; one that was recorded again has those too."""
        found, page = {}, "/events?perPage=1000"
        while page:
            told, page = self.ask_events(connection, page)
            for one in told:
                leaves = [one["sealane:leafIndex"], *one.get("sealane:repeatedAt", [])]
                for serial in serials_of(one):
                    found.setdefault(serial, []).extend(leaves)
        return found

    def ask_events(self, connection, path):
        """The events of a page, and the path of the next one."""
        status, headers, body = connection.exchange("GET", path, headers=self.keys[0])
        expect(status == 200, f"GET {path}: {status} {body[:500]!r}")
        following = re.match(r'<(.*)>; rel="next"', headers.get("Link") or "")
        events = json.loads(body)["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
        return events, following and following[1]


def parse_options(arguments):
    about, form = __doc__.split("\n\n")[0], argparse.ArgumentDefaultsHelpFormatter
    parser = argparse.ArgumentParser(prog="scripts/crash gateway-members", description=about, formatter_class=form)
    parser.add_argument("rounds", metavar="KILLS", type=int, nargs="?", default=100, help="of a member; one each round")
    parser.add_argument("seed", metavar="SEED", type=int, nargs="?", help="for the same rounds again")
    parser.add_argument("--binary", default=os.environ.get("SEALANE_BIN", str(ROOT / "target/release/sealane")))
    parser.add_argument("--directory", help="where all is made, on the disk that is to be tried")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.2, metavar="S", help="of a client between captures, at the most")
    parser.add_argument("--check-every", type=int, default=10, metavar="KILLS")
    parser.add_argument("--sample", type=int, default=50, help="events that are asked for by themselves in each check")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    if not os.access(options.binary, os.X_OK):
        parser.error(f"no program at {options.binary}: build it, or name it in SEALANE_BIN")
    if min(options.rounds, options.clients, options.check_every) < 1:
        parser.error("KILLS, --clients and --check-every are 1 or more")
    return options


def main(arguments):
    options = parse_options(arguments)
    run = Run(options)
    # However it ends, no node stays behind.
    signal.signal(signal.SIGTERM, interrupt)
    print(f"scripts/crash gateway-members: seed {options.seed}, {options.rounds} kills in {run.directory}", flush=True)
    began, done, lost, interrupted = time.monotonic(), 0, None, False
    try:
        run.found()
        run.begin_load()
        for done in range(1, options.rounds + 1):
            what = run.round()
            is_last = done == options.rounds
            is_checked = is_last or done % options.check_every == 0
            if is_checked:
                run.check(options.sample)
            if is_checked and not is_last:
                run.begin_load()
            sound = f"; {len(run.captures.serials):,} events final, each once" if is_checked else ""
            print(f"{done:4}  {what}{sound}", flush=True)
        run.stop_and_audit()
    except Lost as loss:
        lost = loss
        print(f"scripts/crash gateway-members: round {done}, seed {options.seed}: {loss}", file=sys.stderr)
        print(f"scripts/crash gateway-members: what is left is in {run.directory}", file=sys.stderr)
    except KeyboardInterrupt:
        interrupted = True
        print(f"scripts/crash gateway-members: interrupted in round {done}", file=sys.stderr)
    finally:
        run.ended.set()
        run.kill()
        if not lost:
            shutil.rmtree(run.directory, ignore_errors=True)
    captures = run.captures
    unheard = captures.kept_unheard(next(iter(run.leaves.values())).found) if run.leaves else 0
    print(
        f"{run.kills} kills of a member and {run.gateway_kills} of the gateway: {run.jobs:,} captures accepted, "
        f"{len(captures.serials):,} events of them, {'SOMETHING LOST OR TWICE' if lost else '0 lost, 0 twice'}, at each of four members "
        f"and in the gateway's answers; {unheard:,} more events were kept whose answer a kill cut off; slowest final after "
        f"{captures.slowest:.1f} s; seed {options.seed}, {time.monotonic() - began:.0f} s"
    )
    return 2 if interrupted else 1 if lost else 0
