#!/usr/bin/env python3
"""Lets clients that others wrote drive the test nodes, and compares the golden vectors. Run by `ops/nodes --check`.

check.py --nodes FOLDER --program FILE [--missing NAME,...]

Starts every test node by the program `test-nodes`. What needs something that is missing is said to be skipped, by name.
"""

import argparse
import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path

import golden

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent.parent.parent / "appliance" / "chains" / "testdata" / "golden.json"
PATIENCE_S = 60
PROFILES = ("ethereum", "polygon", "bsc", "arbitrum")


class Node:
    """A running test node; it ends when its standard input does."""

    def __init__(self, program, *words):
        self.process = subprocess.Popen([program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"test-nodes {' '.join(words)} did not start")
        self.told = json.loads(line)
        print(f"test-nodes {' '.join(words)}: answers after {self.told['ms']} ms")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)


def rpc_at(url, login=None):
    def rpc(method, *params):
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(url, data=body, headers={"content-type": "application/json"})
        if login:
            request.add_header("authorization", "Basic " + base64.b64encode(login.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                told = json.load(answer, parse_float=Decimal)
        except urllib.error.HTTPError as error:
            told = json.load(error)
        if told.get("error"):
            raise AssertionError(f"{method}: {told['error']}")
        return told["result"]
    return rpc


def client(words):
    subprocess.run([str(word) for word in words], check=True)


def evm(given, profile):
    with Node(given.program, "anvil", "--profile", profile) as node:
        client(["node", HERE / "evm.js", profile, node.told["url"], node.told["direct"]])


def tron(given, words):
    with Node(given.program, "tron") as node:
        client([*words, node.told["url"]])


def bitcoin(given):
    """The node mines, pays, reorganises, and judges the vectors of its chain; all through the endpoint."""
    with Node(given.program, "bitcoin") as node:
        rpc = rpc_at(node.told["url"])
        assert rpc("getblockchaininfo")["chain"] == "regtest"
        assert rpc("getblockcount") == 101 and rpc("getbalance") == 50
        policy = rpc("getmempoolinfo")
        assert policy["fullrbf"] and policy["minrelaytxfee"] > 0, policy
        to = rpc("getnewaddress", "", "bech32m")
        paid = rpc("sendtoaddress", to, "1.5")
        assert rpc("getmempoolentry", paid)["vsize"] > 100
        [block] = rpc("generatetoaddress", 1, to)
        assert paid in rpc("getblock", block)["tx"]
        assert rpc("getrawtransaction", paid, True)["confirmations"] == 1
        rpc("invalidateblock", block)
        assert paid in rpc("getrawmempool")
        print("the Bitcoin node mines, pays, gives up a block, and takes its transaction back")
        if VECTORS.exists():
            print(golden.check(rpc, VECTORS, "regtest"))


def bitcoin_main(given):
    """The vectors of the public chain, by a node of that chain which knows nobody."""
    words = (given.nodes / "bitcoin" / "command").read_text().split("\n")[:-1]
    with tempfile.TemporaryDirectory() as home:
        with open(Path(home) / "log", "wb") as log:
            port = 20_000 + os.getpid() % 10_000
            flags = ["-listen=0", "-connect=0", "-dnsseed=0", f"-rpcport={port}", "-rpcbind=127.0.0.1", "-dbcache=8",
                     "-rpcallowip=127.0.0.1", "-rpcuser=test", "-rpcpassword=test", f"-datadir={home}"]
            process = subprocess.Popen([*words, *flags], stdout=log, stderr=log)
        try:
            rpc, deadline = rpc_at(f"http://127.0.0.1:{port}", "test:test"), time.monotonic() + PATIENCE_S
            while True:
                try:
                    rpc("getblockcount")
                    break
                except (OSError, AssertionError, json.JSONDecodeError):
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise AssertionError((Path(home) / "log").read_text()[-2000:]) from None
                    time.sleep(0.05)
            rpc("createwallet", "judge")
            print(golden.check(rpc, VECTORS, "mainnet"))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--nodes", type=Path, required=True, help="where ops/nodes has installed")
    options.add_argument("--program", required=True, help="the program test-nodes")
    options.add_argument("--missing", default="", help="what could not be installed")
    given = options.parse_args()
    missing = set(filter(None, given.missing.split(",")))
    anvil, bitcoin_node = "@foundry-rs/anvil", "bitcoin-knots"
    checks = [(f"ethers drives {profile}", {anvil, "ethers"}, lambda profile=profile: evm(given, profile)) for profile in PROFILES]
    checks += [("tronweb drives TRON", {"tronweb"}, lambda: tron(given, ["node", HERE / "tron.js"])),
               ("tronpy drives TRON", {"tronpy"},
                lambda: tron(given, [given.nodes / "python" / "bin" / "python", HERE / "tron.py"])),
               ("the Bitcoin node", {bitcoin_node}, lambda: bitcoin(given))]
    if VECTORS.exists():
        checks += [("golden vectors, ethers and tronweb", {"ethers", "tronweb"},
                    lambda: client(["node", HERE / "golden.js", VECTORS])),
                   ("golden vectors, Bitcoin on its public chain", {bitcoin_node}, lambda: bitcoin_main(given))]
    else:
        print("SKIPPED golden vectors: there are none")
    failed = []
    for name, needs, check in checks:
        if needs & missing:
            print(f"SKIPPED {name}: {', '.join(sorted(needs & missing))} cannot be had here")
            continue
        begun = time.monotonic()
        try:
            check()
        except (AssertionError, OSError, subprocess.SubprocessError, KeyError) as error:
            failed.append(name)
            print(f"FAILED {name}: {error}", file=sys.stderr)
        else:
            print(f"  ok, {time.monotonic() - begun:.1f} s: {name}", flush=True)
    if failed:
        sys.exit(f"{len(failed)} of {len(checks)} failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
