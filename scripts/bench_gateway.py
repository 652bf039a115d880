"""What `scripts/bench gateway` posts to a gateway and asks of it: no figure is judged here.

One thread has all connections, each of which posts the next document when the last is answered, so that the load takes little of the
machine that it shares with gateway and node.
"""

import http.client
import itertools
import json
import re
import selectors
import socket
import threading
import time

# Of no client that is refused: a pause in seconds before it posts again.
REFUSED_PAUSE = 0.05

# Seconds between two looks of `Lag`.
LOOK_EVERY = 0.005

EVENT = (
    '{"type":"ObjectEvent","eventTime":"2026-01-01T00:00:00.000Z","eventTimeZoneOffset":"+00:00","epcList":'
    '["https://id.gs1.org/01/09506000134352/21/%s.%d"],"action":"ADD","bizStep":"commissioning"}'
)
DOCUMENT = (
    '{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"type":"EPCISDocument","schemaVersion":"2.0",'
    '"creationDate":"2026-01-01T00:00:00.000Z","epcisBody":{"eventList":[%s]}}'
)


class Connection:
    """A connection over which one client posts."""

    def __init__(self, address, key):
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = f"POST /capture HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        self.read, self.sent_at = b"", 0.0

    def post(self, document):
        self.sent_at, self.read = time.monotonic(), b""
        body = document.encode()
        self.socket.sendall(f"{self.head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def answer(self):
        """Reads what has come; the status, once the answer is whole."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the gateway closed a connection")
        self.read += part
        head, ended, body = self.read.partition(b"\r\n\r\n")
        length = ended and re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not length or len(body) < int(length[1]):
            return None
        return int(head.split(b" ", 2)[1])


class Load:
    """Posts documents of new products over some connections."""

    def __init__(self, address, keys, series, events):
        """A connection for each of `keys`. Products are told from those of other loads by `series`."""
        self.connections = [Connection(address, key) for key in keys]
        self.series, self.events = series, events
        self.numbers = itertools.count()
        self.accepted = self.refused = 0
        self.millis = []

    def document(self):
        serial = f"{self.series}{next(self.numbers):x}"
        return DOCUMENT % ",".join(EVENT % (serial, item) for item in range(self.events))

    def run(self, moments):
        """Posts until the last of some moments, each a number of seconds and what is called then. What is under way is waited for."""
        selector, waiting, open_ones = selectors.DefaultSelector(), [], 0
        for connection in self.connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.post(self.document())
            open_ones += 1
        began, moments = time.monotonic(), list(moments)
        while open_ones or (waiting and moments):
            for chosen, _ in selector.select(0.01):
                status = chosen.data.answer()
                if status is None:
                    continue
                now = time.monotonic()
                open_ones -= 1
                if status == 202:
                    self.accepted += 1
                    self.millis.append((now - chosen.data.sent_at) * 1000)
                elif status in (429, 503):
                    self.refused += 1
                else:
                    raise ConnectionError(f"POST /capture: {chosen.data.read[:500]!r}")
                waiting.append((now if status == 202 else now + REFUSED_PAUSE, chosen.data))
            now = time.monotonic()
            while moments and now - began >= moments[0][0]:
                moments.pop(0)[1]()
            due = [one for one in waiting if one[0] <= now] if moments else []
            for one in due:
                waiting.remove(one)
                one[1].post(self.document())
                open_ones += 1
        for connection in self.connections:
            connection.socket.close()


class Lag:
    """Looks again and again how many leaves the gateway's queries have."""

    def __init__(self, address, key):
        self.http = http.client.HTTPConnection(*address)
        self.headers = {"Authorization": f"Bearer {key}"}
        # When an answer came, by the clock of seals, and how many leaves it was of.
        self.looks = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def size(self):
        """Leaves that a query looks at now. It finds nothing."""
        self.http.request("GET", "/events?perPage=1&EQ_eventID=urn:uuid:00000000-0000-4000-8000-000000000000", headers=self.headers)
        answer = self.http.getresponse()
        answer.read()
        return int(answer.headers.get("Sealane-Tree-Size") or 0)

    def work(self):
        while not self.ended.is_set():
            size = self.size()
            self.looks.append((time.time(), size))
            time.sleep(LOOK_EVERY)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.http.close()

    def of(self, blocks):
        """For each of some blocks, by time and size and in their order, the seconds until an answer was of it."""
        lags, looks = [], iter(self.looks)
        at, size = next(looks)
        for sealed, whole in blocks:
            while size < whole:
                at, size = next(looks)
            lags.append(at - sealed)
        return lags


def get(address, path):
    """The status and body of one answer."""
    connection = http.client.HTTPConnection(*address)
    connection.request("GET", path, headers={"Accept": "application/json"})
    answer = connection.getresponse()
    told = answer.status, answer.read().decode()
    connection.close()
    return told


def metric(address, name):
    """A counter without labels."""
    _, text = get(address, "/metrics")
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else 0


def open_jobs(address):
    """Jobs that are not final yet."""
    states = dict(re.findall(r'^sealane_gateway_jobs\{state="(\w+)"\} (\d+)', get(address, "/metrics")[1], re.MULTILINE))
    return sum(int(states.get(state, 0)) for state in ("queued", "signed", "sent"))


def leaves_asked_for(address):
    """The leaves that the gateway's queries have."""
    return json.loads(get(address, "/health/ready")[1])["queries"]["indexedSize"] or 0
