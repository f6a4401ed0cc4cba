#!/usr/bin/env python3
"""Trades on a running sandbox cluster with ccxt's Binance client as it is shipped.

Only hosts and the options for what a spot-only exchange lacks are changed. The cluster must have a market, and two
users with money in both of its assets and a key each that may read and trade.

    pip install ccxt
    run.py --url https://HOST:PORT --ca ca.pem --symbol BTC/USDT --maker KEY:SECRET --taker KEY:SECRET

Ends with 0 when every step did what it should; says which one did not otherwise.
"""

import argparse
import decimal
import sys
import time
import uuid

import ccxt


def client(url, ca, pair=None):
    """An unmodified ccxt.binance, whose every address is ours."""
    key, secret = pair.split(":", 1) if pair else (None, None)
    exchange = ccxt.binance({
        "apiKey": key,
        "secret": secret,
        "enableRateLimit": False,
        "options": {
            "fetchMarkets": {"types": ["spot"]},
            "fetchCurrencies": False,
            "fetchMargins": False,
            "adjustForTimeDifference": True,
        },
    })

    def moved(address):
        if isinstance(address, dict):
            return {name: moved(part) for name, part in address.items()}
        return url + "/" + address.split("://", 1)[1].split("/", 1)[1] if "://" in address else address

    exchange.urls["api"] = moved(exchange.urls["api"])
    # What requests gets is `verify and validateServerSsl`: the path of the authority.
    exchange.validateServerSsl = ca or True
    return exchange


def check(name, good, seen=None):
    """One line a step; the first failure ends the run."""
    print(("ok    " if good else "FAILED"), name, "" if good else seen, flush=True)
    if not good:
        sys.exit(1)


def eventually(fetch, good):
    """Market data is a node's own and may be a moment behind an answer that came through the leader."""
    deadline = time.monotonic() + 10
    while True:
        seen = fetch()
        if good(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.02)


def amount(value):
    return decimal.Decimal(str(value))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--ca", help="the certificate authority of the cluster, as PEM")
    arguments.add_argument("--symbol", default="BTC/USDT")
    arguments.add_argument("--maker", required=True, help="KEY:SECRET of the one who rests")
    arguments.add_argument("--taker", required=True, help="KEY:SECRET of the one who takes")
    arguments.add_argument("--price", type=float, default=50000)
    arguments.add_argument("--quantity", type=float, default=0.01)
    given = arguments.parse_args()
    symbol, price, quantity = given.symbol, given.price, given.quantity
    base = symbol.split("/")[0]

    public = client(given.url, given.ca)
    maker, taker = client(given.url, given.ca, given.maker), client(given.url, given.ca, given.taker)
    markets = public.load_markets()
    check("load_markets", symbol in markets, list(markets))
    maker.load_markets()
    taker.load_markets()
    before = amount(taker.fetch_balance()[base]["total"])

    name = "ccxt-" + uuid.uuid4().hex[:20]
    order = maker.create_order(symbol, "limit", "sell", quantity, price, {"newClientOrderId": name})
    check("create_order", order["status"] == "open", order)
    check("client order id", order["clientOrderId"] == name, order)
    found = maker.fetch_open_orders(symbol)
    check("fetch_open_orders", order["id"] in [one["id"] for one in found], found)
    offered = lambda book: any(level[0] == price for level in book["asks"])
    book = eventually(lambda: public.fetch_order_book(symbol), offered)
    check("fetch_order_book", offered(book), book)

    taken = taker.create_order(symbol, "limit", "buy", quantity / 2, price, {"timeInForce": "IOC"})
    check("create_order that takes", taken["status"] == "closed" and amount(taken["filled"]) == amount(quantity / 2), taken)
    traded = lambda trades: trades and trades[-1]["price"] == price
    trades = eventually(lambda: public.fetch_trades(symbol), traded)
    check("fetch_trades", traded(trades), trades[-1:])
    ticker = eventually(lambda: public.fetch_ticker(symbol), lambda ticker: ticker["last"] == price)
    check("fetch_ticker", ticker["last"] == price and ticker["baseVolume"] >= quantity / 2, ticker)
    for interval in ("1s", "1m", "1h", "1d", "1M"):
        candles = public.fetch_ohlcv(symbol, interval, limit=5)
        high, low, last = candles[-1][2:5] if candles else (0, 0, 0)
        check(f"fetch_ohlcv {interval}", last == price and low <= last <= high, candles)
    mine = taker.fetch_my_trades(symbol)
    check("fetch_my_trades", mine and mine[-1]["order"] == taken["id"], mine[-1:])
    after = amount(taker.fetch_balance()[base]["total"])
    fee = amount(mine[-1]["fee"]["cost"])
    check("fetch_balance", after - before == amount(quantity / 2) - fee, (before, after, fee))

    edited = maker.edit_order(order["id"], symbol, "limit", "sell", quantity, price * 1.01)
    check("edit_order", edited["status"] == "open" and edited["id"] != order["id"], edited)
    ended = maker.cancel_order(edited["id"], symbol)
    check("cancel_order", ended["status"] == "canceled", ended)
    looked = maker.fetch_order(edited["id"], symbol)
    check("fetch_order", looked["status"] == "canceled", looked)
    try:
        maker.cancel_order(edited["id"], symbol)
        check("cancel_order twice", False, "it was taken")
    except ccxt.OrderNotFound:
        check("cancel_order twice", True)
    try:
        taker.create_order(symbol, "limit", "buy", quantity * 1e6, price)
        check("insufficient funds", False, "it was taken")
    except (ccxt.InsufficientFunds, ccxt.InvalidOrder):
        check("insufficient funds", True)
    print("all steps did what they should")


if __name__ == "__main__":
    main()
