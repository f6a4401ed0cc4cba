#!/usr/bin/env python3
"""Asks every node of a running sandbox for charts and listings, and floods their sockets. Standard library only.

    doors.py --hosts HOST:PORT,... --ca ca.pem --symbol BTCUSDT --pair BTC_USDT [--pids PID,...]

The market must have traded. All nodes must show the same candles, tickers and trades, which follow from the last trade; a
socket that says more than it may is closed with the reason, others are not disturbed, and no node grows by it.
"""

import argparse
import base64
import json
import os
import socket
import ssl
import struct
import sys
import time
import urllib.request
from decimal import Decimal

# Connections that flood at once, and what each says.
FLOODERS = 40
MESSAGES = 200
# By so much a node may grow meanwhile, in KiB: what it keeps of sockets is bounded.
GROWTH_KIB_MAX = 64 << 10
PATIENCE_S = 20


def check(name, good, seen=None):
    """One line a step; the first failure ends the run."""
    print(("ok    " if good else "FAILED"), name, "" if good else seen, flush=True)
    if not good:
        sys.exit(1)


def eventually(fetch, good):
    """A follower may be a moment behind."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        seen = fetch()
        if good(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.1)


class Node:
    def __init__(self, host, tls):
        self.host, self.tls = host, tls

    def get(self, path):
        with urllib.request.urlopen(f"https://{self.host}{path}", context=self.tls, timeout=PATIENCE_S) as answer:
            return json.load(answer)


class Socket:
    """A WebSocket that does what it is told, also what no client library would do."""

    def __init__(self, host, tls, path):
        name, port = host.rsplit(":", 1)
        self.stream = tls.wrap_socket(socket.create_connection((name, int(port)), PATIENCE_S), server_hostname=name)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.heard = b""
        while b"\r\n\r\n" not in self.heard:
            self.more()
        head, self.heard = self.heard.split(b"\r\n\r\n", 1)
        check_quietly(b" 101 " in head.split(b"\r\n")[0], head)

    def more(self):
        got = self.stream.recv(1 << 16)
        if not got:
            raise EOFError("the node hung up")
        self.heard += got

    @staticmethod
    def frame(text):
        body = text.encode()
        size = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0x80 | 126]) + struct.pack(">H", len(body))
        return b"\x81" + size + bytes(4) + body

    def say(self, *texts):
        self.stream.sendall(b"".join(map(self.frame, texts)))

    def next(self):
        """Kind and content of the next frame."""
        while True:
            if len(self.heard) >= 2:
                size, start = self.heard[1] & 0x7F, 2
                if size == 126 and len(self.heard) >= 4:
                    size, start = struct.unpack(">H", self.heard[2:4])[0], 4
                elif size == 127 and len(self.heard) >= 10:
                    size, start = struct.unpack(">Q", self.heard[2:10])[0], 10
                if size < 126 or start > 2:
                    if len(self.heard) >= start + size:
                        kind, body = self.heard[0] & 0x0F, self.heard[start:start + size]
                        self.heard = self.heard[start + size:]
                        return kind, body
            self.more()

    def until(self, is_wanted):
        while True:
            kind, body = self.next()
            if is_wanted(kind, body):
                return body

    def closed(self):
        """Code and reason, or none where the node hung up."""
        try:
            body = self.until(lambda kind, _: kind == 8)
        except OSError:
            return None
        return struct.unpack(">H", body[:2])[0], body[2:].decode()


def check_quietly(good, seen):
    if not good:
        check("a step", False, seen)


def charts_and_listings(nodes, symbol, pair):
    last = Decimal(nodes[0].get(f"/api/v3/trades?symbol={symbol}&limit=1")[0]["price"])
    now = int(time.time())
    asked = f"/udf/history?symbol={symbol}&resolution=1&from={now - 7200}&to={now + 60}&countback=100"
    for node in nodes:
        config = node.get("/udf/config")
        check(f"{node.host} /udf/config", "1" in config["supported_resolutions"], config)
        found = node.get(f"/udf/symbols?symbol={symbol}")
        check(f"{node.host} /udf/symbols", found["name"] == symbol and found["pricescale"] > 0, found)
        candles = eventually(lambda: node.get(asked), lambda seen: seen["s"] == "ok" and seen["c"][-1] == float(last))
        sizes = {len(candles.get(column, ())) for column in "tohlcv"}
        check(f"{node.host} /udf/history", candles["s"] == "ok" and len(sizes) == 1 and candles["c"][-1] == float(last), candles)
        check(f"{node.host} candles are in order", candles["t"] == sorted(set(candles["t"])), candles["t"])
        bound = all(low <= close <= high for low, close, high in zip(candles["l"], candles["c"], candles["h"]))
        check(f"{node.host} candles hold together", bound, candles)
        of_pair = lambda seen: [one for one in seen if one["ticker_id"] == pair]
        ticker = of_pair(node.get("/coingecko/tickers"))[0]
        check(f"{node.host} /coingecko/tickers", Decimal(ticker["last_price"]) == last, ticker)
        trades = node.get(f"/coingecko/historical_trades?ticker_id={pair}")
        newest = max(trades["buy"] + trades["sell"], key=lambda trade: trade["trade_id"])
        check(f"{node.host} /coingecko/historical_trades", Decimal(newest["price"]) == last, newest)
        summary = [one for one in node.get("/cmc/summary") if one["trading_pairs"] == pair][0]
        check(f"{node.host} /cmc/summary", Decimal(str(summary["last_price"])) == last, summary)
        book = node.get(f"/cmc/orderbook/{pair}?depth=10")
        check(f"{node.host} /cmc/orderbook", len(book["bids"]) <= 5 and len(book["asks"]) <= 5, book)
    page = [node.get(f"/coingecko/historical_trades?ticker_id={pair}") for node in nodes]
    check("all nodes tell the same trades", all(one == page[0] for one in page), page)


def resident_kib(pids):
    def of(pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return [of(pid) for pid in pids]


def flood(nodes, tls, symbol, pids):
    listeners = [Socket(node.host, tls, f"/ws/{symbol.lower()}@trade") for node in nodes]
    before = resident_kib(pids)
    flooders = [Socket(nodes[number % len(nodes)].host, tls, "/ws") for number in range(FLOODERS)]
    list_all = json.dumps({"id": 1, "method": "LIST_SUBSCRIPTIONS"})
    ends = []
    for flooder in flooders:
        try:
            flooder.say(*[list_all] * MESSAGES)
        except OSError:
            pass
        ends.append(flooder.closed())
    told = [end for end in ends if end]
    check("who floods is closed with the reason", told and all(code == 1008 and reason for code, reason in told), ends)
    for node, listener in zip(nodes, listeners):
        listener.say(list_all)
        answer = json.loads(listener.until(lambda kind, body: kind == 1 and b'"id":1' in body))
        check(f"{node.host} others are not disturbed", answer["result"] == [f"{symbol.lower()}@trade"], answer)
    grown = [after - was for was, after in zip(before, resident_kib(pids))]
    check(f"memory is bounded: {grown} KiB more", all(one < GROWTH_KIB_MAX for one in grown))
    print(f"{len(ends)} sockets flooded, {len(told)} heard why they were closed: {told[0][1]}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--hosts", required=True, help="HOST:PORT of every node, joined by commas")
    arguments.add_argument("--ca", required=True, help="the certificate authority of the cluster, as PEM")
    arguments.add_argument("--symbol", default="BTCUSDT")
    arguments.add_argument("--pair", default="BTC_USDT")
    arguments.add_argument("--pids", default="", help="processes of the nodes on this machine, joined by commas")
    given = arguments.parse_args()
    tls = ssl.create_default_context(cafile=given.ca)
    nodes = [Node(host, tls) for host in given.hosts.split(",")]
    charts_and_listings(nodes, given.symbol, given.pair)
    flood(nodes, tls, given.symbol, [pid for pid in given.pids.split(",") if pid])


if __name__ == "__main__":
    main()
