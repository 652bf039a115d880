#!/usr/bin/env python3
"""The links between members' nodes in `scripts/chaos`: a TCP proxy that cuts them, holds them and slows them down.

Reads one JSON object a line from standard input, and ends with it:

    {"link": "0>1", "listen": 7001, "target": 7443}    a link begins to listen, and forwards to that port
    {"link": "0>1", "cut": true}                       its connections end, and those that come are closed at once
    {"link": "0>1", "held": true}                      what is on its way waits; the connections stay
    {"link": "0>1", "delay": 0.2}                      what passes is so many seconds late, each way
"""

import asyncio
import contextlib
import json
import sys

HOST = "127.0.0.1"
CHUNK = 64 * 1024

# Chunks of one direction that may be on their way.
QUEUE = 256


class Link:
    """One link, and its connections."""

    def __init__(self, target):
        self.target = target
        self.is_cut = False
        self.delay = 0.0
        self.flows = asyncio.Event()
        self.flows.set()
        self.writers = set()

    async def serve(self, reader, writer):
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(HOST, self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, back}
        self.writers |= ends
        pumps = [asyncio.ensure_future(self.pump(*ways)) for ways in ((reader, back), (there, writer))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        for end in ends:
            end.transport.abort()
        self.writers -= ends

    async def pump(self, reader, writer):
        """Forwards what comes, in order, each chunk once its time has come."""
        on_its_way = asyncio.Queue(QUEUE)
        sender = asyncio.ensure_future(self.send(on_its_way, writer))
        try:
            while chunk := await reader.read(CHUNK):
                await on_its_way.put((asyncio.get_running_loop().time() + self.delay, chunk))
                if sender.done():
                    return
        except OSError:
            return
        finally:
            sender.cancel()

    async def send(self, on_its_way, writer):
        with contextlib.suppress(OSError):
            while True:
                due, chunk = await on_its_way.get()
                late = due - asyncio.get_running_loop().time()
                if late > 0:
                    await asyncio.sleep(late)
                await self.flows.wait()
                writer.write(chunk)
                await writer.drain()

    def change(self, order):
        self.delay = order.get("delay", self.delay)
        if "held" in order:
            self.flows.clear() if order["held"] else self.flows.set()
        if "cut" in order:
            self.is_cut = order["cut"]
            for writer in list(self.writers) if self.is_cut else []:
                writer.transport.abort()


async def main():
    links, reader = {}, asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        name = order["link"]
        if "listen" in order:
            links[name] = Link(order["target"])
            await asyncio.start_server(links[name].serve, HOST, order["listen"])
            print(name, flush=True)
        else:
            links[name].change(order)


if __name__ == "__main__":
    asyncio.run(main())
