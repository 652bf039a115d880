"""`scripts/crash members`: four members' nodes on one machine, killed again and again while clients post.

Two members keep the ledger in SQLite and two in PostgreSQL, of which a server is started if SEALANE_TEST_POSTGRES names
none. Several clients post without a pause, each to a member by chance; where that one is away or takes nothing, to
another, the same bytes again until there is a receipt. Sometimes a client posts the same bytes at two members at once, or
one eventID with two contents. Each round kills one to all four nodes with SIGKILL, and starts them again:

* `one`, `two`, `three`, `all`: so many at once, or within milliseconds;
* `starting`: one, and the same again while it starts;
* `behind`: one that is away for a while, and again while it fetches what it missed.

After each round a statement that is posted then must be final within 30 s. Every few rounds the clients pause, and with no
code of Sealane's it is checked that

* all that the clients had under way is final within 30 s, and the four have the same tree then: the leaves, read from one
  member in turn, give the root that all four show;
* every acknowledged statement stands once, at the leaf on its receipt, whose proof leads to a root that a quorum has signed,
  and members give that receipt again;
* of two statements with one eventID exactly one was acknowledged, and it alone is on the ledger;
* each member is ready and sees all the others, and no log says that a member signs nothing more, that one has signed two
  things, or that a thread has panicked.

At the end the nodes stop, and `sealane audit` of all four finds nothing. The seed decides rounds, victims, moments and what
clients do; keys, ports, and what the machine does meanwhile, differ from run to run.
"""

import argparse
import base64
import collections
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from crash_ledger import (
    ORIGIN,
    PATIENCE,
    Connection,
    Copy,
    Held,
    Killed,
    Lost,
    Signer,
    expect,
    from_base64url,
    statement_id,
)

ROOT = pathlib.Path(__file__).resolve().parent.parent

NAMES = ["Ada", "Bo", "Cy", "Di"]

# How many rounds of a hundred are of each kind, and how many nodes each kills.
KINDS = {"one": 40, "two": 15, "three": 5, "all": 10, "starting": 15, "behind": 15}
VICTIMS = {"one": 1, "two": 2, "three": 3, "all": 4, "starting": 1, "behind": 1}

# Within how many seconds a new statement is final once all four are up.
FINAL_WITHIN = 30

# What no node may write into its log.
NEVER = ["has signed two things", "signs nothing more", "panicked", "is not sound", "the members have decided on"]


class Member:
    """A member's data directory, and the node that runs on it, if one does."""

    def __init__(self, run, name, port, peer_port, database):
        self.run, self.name, self.port, self.peer_port = run, name, port, peer_port
        self.data = run.directory / name.lower()
        self.log = run.directory / f"{name.lower()}.log"
        self.read = 0
        self.process = None
        url, peer = f"http://127.0.0.1:{port}", f"127.0.0.1:{peer_port}"
        asked = ["--name", name, "--origin", ORIGIN, "--peer-address", peer, "--public-url", url]
        declared = json.loads(run.must("init", "--founder", "--json", *asked, "--data", self.data))
        self.kid, self.url = declared["kid"], url
        settings = f'listen = "127.0.0.1:{port}"\njson = true\n'
        if database:
            settings += f'database-url = "{database}"\n'
        (self.data / "sealane.toml").write_text(settings)

    def found(self, files, genesis=None):
        self.run.must("init", "--data", self.data, "--found", *files, *(["--genesis", genesis] if genesis else []))

    def start(self):
        with self.log.open("ab") as log:
            command = [self.run.binary, "serve", "--data", str(self.data)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=self.run.environment)

    def wait_until_up(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise Lost(f"the node of {self.name} does not start on what the kill has left:\n{tail}")

    def kill(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process = None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.process = None
        expect(code == 0, f"the node of {self.name} ends with {code} when it is told to stop")

    def check_log(self):
        self.read = check_log(self.name, self.log, self.read, NEVER)

    def connect(self):
        return Connection(f"127.0.0.1:{self.port}")


class Consortium:
    """Four members' nodes on this machine, and a maker that they have registered."""

    def __init__(self, options, prefix, in_postgres=False):
        """Makes the directory. `in_postgres` has two of the four keep the ledger there."""
        self.options = options
        self.binary = options.binary
        self.dice = random.Random(options.seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=options.directory))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SEALANE_")}
        self.environment["SEALANE_LOG"] = "warn"
        self.in_postgres = in_postgres
        self.members = []
        self.databases = []

    def must(self, *arguments):
        done = self.command(*arguments)
        if done.returncode != 0:
            raise SystemExit(f"scripts/crash: sealane {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def command(self, *arguments):
        command = [self.binary, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, check=False)

    def found(self):
        ports = free_ports(2 * len(NAMES))
        for number, name in enumerate(NAMES):
            database = self.make_database(name.lower()) if self.in_postgres and number % 2 == 1 else None
            self.members.append(Member(self, name, ports.pop(), ports.pop(), database))
        files = [member.data / "founder.json" for member in self.members]
        first, *others = sorted(self.members, key=lambda member: from_base64url(member.kid))
        first.found(files)
        for member in others:
            member.found(files, first.data / "genesis.jose")
        for member in self.members:
            member.start()
        for member in self.members:
            member.wait_until_up()
        self.wait_until_ready()
        self.register()
        # Else a member that is behind does not know the certificate yet.
        self.wait_until_level()

    def make_database(self, name):
        server = os.environ["SEALANE_TEST_POSTGRES"]
        database = f"sealane_crash_{os.getpid()}_{name}"
        create = ["psql", "--quiet", "--no-psqlrc", server, "-c", f"CREATE DATABASE {database}"]
        subprocess.run(create, check=True)
        self.databases.append(server.rsplit("/", 1)[0] + f"/{database}")
        return self.databases[-1]

    def register(self):
        member, maker = self.members[0], self.directory / "maker"
        common = ["--url", member.url, "--data", member.data]
        asked = ["--organization", "Maker", "--role", "manufacturer", "--gs1-prefix", "9506000", "--out", maker]
        identity = json.loads(self.must("register", "--json", *asked, *common))["id"]
        self.must("approve", "--yes", identity, *common)
        # One member alone registers nobody.
        other = self.members[1]
        self.wait_until_level()
        self.must("endorse", "--yes", identity, "--url", other.url, "--data", other.data)
        self.must("certificate", identity, "--out", maker / "certificate.pem", *common)
        # One maker posts more than a participant may unless the members say so.
        for policy in ("newIdsPerDay", "newIdsInAll", "subjectsMax"):
            made = json.loads(self.must("policy", policy, 2_000_000_000, "--yes", "--json", *common))["id"]
            for voter in self.members[1:3]:
                self.wait_until_level()
                self.must("members", "vote", "--yes", "--url", voter.url, "--data", voter.data, "--", made, "yes")
            self.wait_until_level()

    def wait_until_ready(self):
        """Waits until each member takes statements and sees all the others."""
        until = time.monotonic() + FINAL_WITHIN
        for member in self.members:
            connection, seen = member.connect(), None
            while True:
                try:
                    status, body = connection.ask("GET", "/health/ready")
                    council = connection.get_json("/members")
                    seen = f"{status} {body[:500]!r}, {council['reachable']} members reachable"
                    check_signing(member, council)
                    if status == 200 and council["reachable"] == len(NAMES):
                        break
                except Killed as error:
                    seen = str(error)
                expect(time.monotonic() < until, f"{member.name} is not ready {FINAL_WITHIN} s after its start: {seen}")
                time.sleep(0.02)
            connection.close()

    def wait_until_level(self):
        until, shown = time.monotonic() + FINAL_WITHIN, None
        while True:
            shown = []
            for member in self.members:
                connection = member.connect()
                shown.append(connection.get("/ledger/checkpoint").decode().splitlines()[:3])
                connection.close()
            by_size = collections.defaultdict(set)
            for one in shown:
                by_size[one[1]].add(one[2])
            expect(all(len(roots) == 1 for roots in by_size.values()), f"two roots at one size: {shown}")
            if len(by_size) == 1:
                return shown[0]
            expect(time.monotonic() < until, f"the members are not level after {FINAL_WITHIN} s: {shown}")
            time.sleep(0.02)

    def stop_and_audit(self):
        """All stop, and each directory is audited."""
        for member in self.members:
            member.stop()
            member.check_log()
            done = self.command("audit", "--data", member.data)
            expect(done.returncode == 0, f"sealane audit of {member.name} ends with {done.returncode}: {done.stderr}")

    def keep(self):
        """Saves what the server would take with it."""
        for database in self.databases:
            name = database.rsplit("/", 1)[1]
            with (self.directory / f"{name}.sql").open("wb") as file:
                subprocess.run(["pg_dump", database], stdout=file, check=False)

    def kill(self):
        for member in self.members:
            member.kill()


class Run(Consortium):
    """Four members, and what their clients know."""

    def __init__(self, options):
        super().__init__(options, "sealane-members-", options.stores == "mixed")
        self.copy = Copy()
        self.held = {}
        self.refused = []
        self.new = []
        self.problems = []
        self.again = self.pairs = self.rivals = 0
        self.startup = 0.3
        self.slowest = 0.0
        # Guards what clients write, and tells that a statement is final.
        self.news = threading.Condition()
        self.last_begun = 0.0
        self.posting, self.ended = threading.Event(), threading.Event()
        self.clients = []

    def found(self):
        super().found()
        connection = self.members[0].connect()
        self.copy.know_members(connection)
        expect(len(self.copy.members) == len(NAMES), f"the ledger has the members {list(self.copy.members)}")
        connection.close()

    # Clients

    def begin_load(self):
        self.posting.set()
        self.clients = [Client(self, number) for number in range(self.options.clients)]
        for client in self.clients:
            client.thread.start()

    def end_load(self):
        self.ended.set()
        self.posting.set()
        for client in self.clients:
            client.thread.join()

    def note(self, held, begun):
        """A client has a receipt for what it began to post at a time."""
        name = statement_id(held.statement)
        with self.news:
            before = self.held.setdefault(name, held)
            if before is held:
                self.new.append(name)
            elif before.leaf != held.leaf:
                self.problems.append(f"statement {name} has the leaves {before.leaf} and {held.leaf}")
            self.last_begun = max(self.last_begun, begun)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.news.notify_all()

    def fail(self, problem):
        with self.news:
            self.problems.append(problem)
            self.news.notify_all()

    def check_problems(self):
        expect(not self.problems, "; ".join(self.problems[:3]))

    def wait_for_news(self, holds, what):
        """Waits until something holds that clients bring about, for as long as a statement may take to be final."""
        with self.news:
            self.news.wait_for(lambda: self.problems or holds(), FINAL_WITHIN)
            self.check_problems()
            if not holds():
                # Too few that sign are why nothing is final.
                for member in self.members:
                    check_signing(member, member.connect().get_json("/members"))
            expect(holds(), what)

    # Rounds

    def round(self):
        """Kills and starts again what the dice say; returns it in words."""
        dice, kinds = self.dice, list(KINDS)
        kind = dice.choices(kinds, [KINDS[one] for one in kinds])[0]
        victims = dice.sample(self.members, VICTIMS[kind])
        moments = self.moments(kind, victims)
        began = time.monotonic()
        for at, action, member in moments:
            time.sleep(max(0.0, began + at - time.monotonic()))
            if action == "kill":
                member.kill()
            elif action == "start":
                member.start()
            else:
                member.wait_until_up()
                # The next moment counts from here.
                began = time.monotonic() - at
        for member in victims:
            member.wait_until_up()
        up = time.monotonic()
        self.startup = 0.8 * self.startup + 0.2 * (up - began - moments[-1][0])
        late = f"no statement that was posted after all four were up is final {FINAL_WITHIN} s later"
        self.wait_for_news(lambda: self.last_begun >= up, late)
        names = "+".join(member.name for member in victims)
        return kind, f"{kind:8} {names:12} up {up - began:4.1f} s, final again {time.monotonic() - up:4.1f} s"

    def moments(self, kind, victims):
        """What is done to whom, and when, in seconds from the round's beginning."""
        dice, at = self.dice, self.dice.uniform(0, 0.4)
        if kind == "starting":
            (victim,) = victims
            again = at + dice.uniform(0, 0.2)
            killed = again + dice.uniform(0, 1.2) * self.startup
            last = killed + dice.uniform(0, 0.2)
            return [(at, "kill", victim), (again, "start", victim), (killed, "kill", victim), (last, "start", victim)]
        if kind == "behind":
            (victim,) = victims
            again = at + dice.uniform(0.2, 0.8)
            killed = again + dice.uniform(0, 0.15)
            last = killed + dice.uniform(0, 0.2)
            lives = [(at, "kill", victim), (again, "start", victim), (again, "up", victim)]
            return [*lives, (killed, "kill", victim), (last, "start", victim)]
        moments = []
        for victim in victims:
            killed = at + dice.choice([0, dice.uniform(0, 0.05)])
            moments += [(killed, "kill", victim), (killed + dice.uniform(0, 0.3), "start", victim)]
        return sorted(moments, key=lambda moment: moment[0])

    # Checks

    def check(self, sample):
        """Lets the clients pause, and checks all that must hold then; goes on."""
        self.posting.clear()
        idle = "what clients had posted is not final {} s after all four were up".format(FINAL_WITHIN)
        self.wait_for_news(lambda: all(client.is_idle for client in self.clients), idle)
        self.wait_until_ready()
        checkpoint = self.wait_until_level()
        size, root = int(checkpoint[1]), checkpoint[2]
        reader = self.dice.choice(self.members).connect()
        self.copy.read_leaves(reader, size)
        latest = reader.get_json("/ledger/blocks/latest")
        self.copy.check_commit(latest["checkpoint"], latest["commit"])
        reader.close()
        expect(self.copy.tree.root() == base64.b64decode(root), f"the leaves read so far do not give the root of size {size}")
        new, self.new = self.new, []
        for name in new:
            self.copy.check_held(name, self.held[name])
        for one in self.refused:
            expect(self.copy.place(one) is None, f"statement {statement_id(one)} was refused, and is on the ledger")
        known = list(self.held)
        for member in self.members:
            connection = member.connect()
            asked = self.dice.sample(new, min(len(new), sample)) + self.dice.sample(known, min(len(known), sample))
            for name in asked:
                self.check_receipt(member, name, connection.get_json(f"/epcis/capture/{name}")["receipt"])
            connection.close()
            member.check_log()
        self.posting.set()
        return latest["height"]

    def check_receipt(self, member, name, receipt):
        held, now = self.held[name], Held(self.held[name].statement, receipt)
        same = (held.leaf, held.size, held.hash, held.checkpoint) == (now.leaf, now.size, now.hash, now.checkpoint)
        expect(same, f"{member.name} gives statement {name} leaf {now.leaf}, and its receipt says {held.leaf}")

    def check_end(self):
        """The last check, of more; then all stop, and each directory is audited."""
        height = self.check(200)
        self.end_load()
        self.stop_and_audit()
        return height


class Client:
    """Posts one statement after another, each until it has an answer for good."""

    def __init__(self, run, number):
        self.run = run
        self.dice = random.Random(f"{run.options.seed} {number}")
        self.signer = Signer(run.directory / "maker", self.dice, f"{number:x}.")
        self.is_idle = False
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        try:
            while not self.run.ended.is_set():
                if not self.run.posting.is_set():
                    self.is_idle = True
                    with self.run.news:
                        self.run.news.notify_all()
                    self.run.posting.wait()
                    self.is_idle = False
                    continue
                kind = self.dice.random()
                if kind < 0.85:
                    self.post(self.signer.statement())
                elif kind < 0.90:
                    self.post_again()
                elif kind < 0.95:
                    self.post_twice()
                else:
                    self.post_rivals()
                time.sleep(self.dice.uniform(0, self.run.options.pause))
        except Lost as loss:
            self.run.fail(str(loss))
        except Exception as error:  # noqa: BLE001: a client that ends in silence would look like one that is idle
            self.run.fail(f"a client ends with {error!r}")

    def post(self, statement, dice=None, forms=None):
        """Posts a statement at one member after the other until it is final, or refused; tells whether it is final."""
        dice, run = dice or self.dice, self.run
        members = dice.sample(run.members, len(run.members))
        begun, tries = time.monotonic(), 0
        while not run.ended.is_set():
            member = members[tries % len(members)]
            connection = member.connect()
            try:
                status, body = connection.post(statement, wait=10)
            except Killed:
                status, body = None, b""
            finally:
                connection.close()
            tries += 1
            if status == 200:
                run.note(held_by(forms or [statement], json.loads(body)["receipt"]), begun)
                run.again += tries - 1
                return True
            if status == 409 and json.loads(body)["code"] == "event-conflict":
                return False
            expect(status in (None, 202, 429, 503), f"POST /epcis/capture at {member.name}: {status} {body[:500]!r}")
            time.sleep(dice.uniform(0.01, 0.04))
        return False

    def post_again(self):
        """Posts what is on the ledger: its first receipt is the answer, wherever it is posted."""
        with self.run.news:
            names = list(self.run.held)
        if names:
            self.post(self.run.held[self.dice.choice(names)].statement)
            self.run.again += 1

    def post_twice(self):
        """The same bytes, or one statement with two signatures, at two members: it stands once."""
        forms = self.signer.forms()
        self.beside(forms[0], self.dice.choice(forms), forms)
        self.run.pairs += 1

    def post_rivals(self):
        """Two statements about one eventID, of which one may stand."""
        one, other = self.signer.rivals()
        stand = self.beside(one, other)
        if not self.run.ended.is_set():
            expect(sum(stand) == 1, f"of two statements with one eventID {sum(stand)} were acknowledged: {one} {other}")
            with self.run.news:
                self.run.refused.append(other if stand[0] else one)
        self.run.rivals += 1

    def beside(self, one, other, forms=None):
        """Posts two statements at once; tells of each whether it is final."""
        found, dice = [], random.Random(self.dice.random())

        def post():
            try:
                found.append(self.post(other, dice, forms))
            except Lost as loss:
                self.run.fail(str(loss))

        second = threading.Thread(target=post)
        second.start()
        first = self.post(one, forms=forms)
        second.join()
        expect(found, "a statement got no answer")
        return first, found[0]


def check_log(name, path, read, never):
    """Fails if what is new in a log has words that it may never have. Returns how far it is read."""
    with path.open("rb") as log:
        log.seek(read)
        new = log.read()
    for line in new.decode(errors="replace").splitlines():
        told = [words for words in never if words in line]
        expect(not told, f"the log of {name} says: {line}")
    return read + len(new)


def check_signing(member, council):
    """Fails if a member's node says that it signs nothing."""
    expect("notSigning" not in council, f"{member.name} signs nothing: {council.get('notSigning')}")


def held_by(forms, receipt):
    """What a receipt says of a statement: the form of it that stands on the ledger."""
    held = [Held(form, receipt) for form in forms]
    return next((one for one in held if one.hash == one.expected_hash()), held[0])


def free_ports(count):
    """Ports that are free, and that the system gives to no connection of its own accord. Not by the seed: two runs with one seed
    may run at once."""
    dice = random.SystemRandom()
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = []
    while len(ports) < count:
        port = dice.randrange(10_000, lowest)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def parse_options(arguments):
    about, form = __doc__.split("\n\n")[0], argparse.ArgumentDefaultsHelpFormatter
    parser = argparse.ArgumentParser(prog="scripts/crash members", description=about, formatter_class=form)
    parser.add_argument("rounds", metavar="ROUNDS", type=int, nargs="?", default=500)
    parser.add_argument("seed", metavar="SEED", type=int, nargs="?", help="for the same rounds again")
    parser.add_argument("--stores", choices=["mixed", "sqlite"], default="mixed", help="mixed: two of four in PostgreSQL")
    parser.add_argument("--binary", default=os.environ.get("SEALANE_BIN", str(ROOT / "target/release/sealane")))
    parser.add_argument("--directory", help="where the members are made, on the disk that is to be tried")
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--pause", type=float, default=0.2, metavar="S", help="of a client between statements, at the most")
    parser.add_argument("--check-every", type=int, default=5, metavar="ROUNDS")
    parser.add_argument("--sample", type=int, default=5, help="receipts asked for again at each member in each check")
    parser.add_argument("--quiet", action="store_true", help="print the summary alone")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    if not os.access(options.binary, os.X_OK):
        parser.error(f"no program at {options.binary}: build it, or name it in SEALANE_BIN")
    if min(options.rounds, options.clients, options.check_every) < 1:
        parser.error("ROUNDS, --clients and --check-every are 1 or more")
    return options


def interrupt(*_):
    raise KeyboardInterrupt


def main(script, arguments):
    options = parse_options(arguments)
    if options.stores == "mixed" and "SEALANE_TEST_POSTGRES" not in os.environ:
        server = str(ROOT / "scripts/with-postgres")
        os.execv(server, [server, sys.executable, script, "members", *arguments])
    run = Run(options)
    # However it ends, no node stays behind.
    signal.signal(signal.SIGTERM, interrupt)
    print(f"scripts/crash members: seed {options.seed}, {options.rounds} rounds in {run.directory}", flush=True)
    began, done, height, lost, interrupted = time.monotonic(), 0, 0, None, False
    kinds = collections.Counter()
    try:
        run.found()
        run.begin_load()
        for done in range(1, options.rounds + 1):
            kind, what = run.round()
            kinds[kind] += 1
            is_checked = done % options.check_every == 0
            height = run.check(options.sample) if is_checked else height
            if not options.quiet:
                level = f"; level at block {height}" if is_checked else ""
                print(f"{done:4}  {what}; {len(run.held):6} acknowledged{level}", flush=True)
        height = run.check_end()
    except Lost as loss:
        lost = loss
        print(f"scripts/crash members: round {done}, seed {options.seed}: {loss}", file=sys.stderr)
        print(f"scripts/crash members: what is left is in {run.directory}", file=sys.stderr)
    except KeyboardInterrupt:
        interrupted = True
        print(f"scripts/crash members: interrupted in round {done}", file=sys.stderr)
    finally:
        run.ended.set()
        run.posting.set()
        run.kill()
        if lost:
            run.keep()
        else:
            shutil.rmtree(run.directory)
    kills = sum(count * VICTIMS[kind] * (2 if kind in ("starting", "behind") else 1) for kind, count in kinds.items())
    of_kinds = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
    print(
        f"{done} rounds ({of_kinds}), {kills} kills, {len(run.held):,} statements acknowledged, "
        f"{'SOMETHING' if lost else 0} lost; {run.again:,} posted again, {run.pairs:,} at two members at once, "
        f"{run.rivals:,} eventIDs with two contents; slowest answer {run.slowest:.1f} s; height {height:,}; "
        f"{options.stores}, seed {options.seed}, {time.monotonic() - began:.0f} s"
    )
    return 2 if interrupted else 1 if lost else 0
