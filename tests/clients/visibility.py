#!/usr/bin/env python3
"""Measures how long a change takes until every node of a cluster shows it. Standard library only.

    tests/clients/visibility.py [--binary FILE] [--changes N] [--output json]

Starts three nodes as a sandbox in a temporary folder and changes a flag, a threshold and a limit in turns through the
leader. From the moment before each change is sent, every node is asked for its own state, again and again, until it shows the
new value. Prints the median, the 99th percentile and the longest, from the request to the last node.
"""

import argparse
import http.client
import importlib.util
import json
import shutil
import ssl
import statistics
import tempfile
import threading
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 30


def the_other_clients():
    """ops/clients knows how to start nodes."""
    loader = SourceFileLoader("clients", str(ROOT / "ops" / "clients"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("clients", loader))
    loader.exec_module(module)
    return module


class Node:
    """One kept connection to a node."""

    def __init__(self, api, tls, token):
        host, port = api.rsplit(":", 1)
        self.connection = http.client.HTTPSConnection(host, int(port), context=tls, timeout=PATIENCE_S)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body else None, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)


FLAG = "/v1/flags/measured"
WHY = {"reason": "visibility"}


def change(number):
    """What is changed, to what, and the count by which a node shows that it knows."""
    if number % 3 == 0:
        return FLAG, {"on": number % 2 == 0, **WHY}, "version"
    if number % 3 == 1:
        return "/v1/settings/threshold.queue_age", {"value": f"{60 + number}s", **WHY}, "revision"
    return "/v1/settings/limit.orders_day", {"value": str(100_000 + number), **WHY}, "revision"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=None, help="the program (default: the one that ops/test has built)")
    options.add_argument("--changes", type=int, default=200, help="how many (default: 200)")
    options.add_argument("--output", choices=("text", "json"), default="text")
    given = options.parse_args()
    clients = the_other_clients()
    binary = given.binary or str(clients.TARGET / "product" / "exchequer")
    home = Path(tempfile.mkdtemp(prefix="exchequer-visibility-"))
    cluster = clients.Cluster(binary, home)
    try:
        cluster.start()
        tls = ssl.create_default_context(cafile=cluster.folder(0) / "ca.pem")
        nodes = [Node(api, tls, cluster.token) for api in cluster.api]
        sender = Node(cluster.api[cluster.leader()], tls, cluster.token)
        sender.ask("PUT", FLAG, {"on": False, **WHY})
        took = [measure(nodes, sender, number) for number in range(given.changes)]
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)
    took.sort()
    found = {"changes": len(took), "p50_ms": round(statistics.median(took), 1),
             "p99_ms": round(took[min(len(took) - 1, len(took) * 99 // 100)], 1), "max_ms": round(took[-1], 1)}
    print(json.dumps(found) if given.output == "json" else "  ".join(f"{name} {value}" for name, value in found.items()))


def measure(nodes, sender, number):
    """One change; milliseconds from before it is sent until the last node shows it."""
    path, body, count = change(number)
    before = sender.ask("GET", path)[count] or 0
    began, ends = time.monotonic(), [None] * len(nodes)

    def watch(at):
        while time.monotonic() - began < PATIENCE_S:
            if (nodes[at].ask("GET", f"{path}?consistency=local")[count] or 0) > before:
                ends[at] = time.monotonic()
                return

    watchers = [threading.Thread(target=watch, args=(at,)) for at in range(len(nodes))]
    for watcher in watchers:
        watcher.start()
    sender.ask("PUT", path, body)
    for watcher in watchers:
        watcher.join()
    if None in ends:
        raise SystemExit(f"change {number} is not shown everywhere after {PATIENCE_S} s")
    return (max(ends) - began) * 1000


if __name__ == "__main__":
    main()
