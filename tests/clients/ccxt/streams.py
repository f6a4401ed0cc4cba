#!/usr/bin/env python3
"""Follows a running sandbox cluster with ccxt.pro's Binance streams as they are shipped, and trades over the socket.

Only hosts, the authority and the options for what a spot-only exchange lacks are changed; see run.py.

    pip install ccxt
    streams.py --host HOST:PORT --ca ca.pem --symbol BTC/USDT --maker KEY:SECRET --taker KEY:SECRET

With --watch SECONDS it makes trades all that time at --trade-at (default: the same host) and follows them: every trade that
happened is to be seen once and in order, and the book that the stream makes is the one that is served at the end.
"""

import argparse
import asyncio
import itertools
import sys
import time

import ccxt
import ccxt.pro

from run import amount, check

PATIENCE = 20


def client(host, ca, pair=None):
    """An unmodified ccxt.pro.binance, whose every address is ours."""
    key, secret = pair.split(":", 1) if pair else (None, None)
    exchange = ccxt.pro.binance({
        "apiKey": key,
        "secret": secret,
        "cafile": ca,
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
        if "://" not in address:
            return address
        scheme, rest = address.split("://", 1)
        secure = "wss" if scheme.startswith("ws") else "https"
        return f"{secure}://{host}/" + (rest.split("/", 1)[1] if "/" in rest else "")

    exchange.urls["api"] = moved(exchange.urls["api"])
    return exchange


async def soon(awaited):
    return await asyncio.wait_for(awaited, PATIENCE)


async def seen(watch, good):
    """What a stream gives, until it is what is looked for."""
    async def look():
        while True:
            value = await watch()
            if good(value):
                return value
    return await soon(look())


async def every_stream(given):
    """Each kind of stream tells what happened."""
    symbol, price, quantity = given.symbol, given.price, given.quantity
    public = client(given.host, given.ca)
    maker, taker = client(given.host, given.ca, given.maker), client(given.host, given.ca, given.taker)
    try:
        await public.load_markets()
        await maker.load_markets()
        await taker.load_markets()
        public_streams = {
            "watch_order_book": lambda: public.watch_order_book(symbol),
            "watch_trades": lambda: public.watch_trades(symbol),
            "watch_ticker": lambda: public.watch_ticker(symbol),
            "watch_ohlcv": lambda: public.watch_ohlcv(symbol, "1m"),
            "watch_bids_asks": lambda: public.watch_bids_asks([symbol]),
        }
        own_streams = {
            "watch_orders": lambda: maker.watch_orders(symbol),
            "watch_my_trades": lambda: maker.watch_my_trades(symbol),
            "watch_balance": lambda: maker.watch_balance(),
        }
        good = {
            "watch_order_book": lambda book: any(level[0] == price for level in book["asks"]),
            "watch_trades": lambda trades: trades[-1]["price"] == price,
            "watch_ticker": lambda ticker: ticker["last"] == price,
            "watch_ohlcv": lambda candles: candles[-1][4] == price,
            "watch_bids_asks": lambda tickers: tickers[symbol]["ask"] == price,
            "watch_orders": lambda orders: orders[-1]["filled"] == quantity / 2,
            "watch_my_trades": lambda trades: trades[-1]["amount"] == quantity / 2,
            "watch_balance": lambda balance: balance[symbol.split("/")[1]]["total"] is not None,
        }
        streams = public_streams | own_streams
        watching = {name: asyncio.ensure_future(seen(watch, good[name])) for name, watch in streams.items()}
        # Until the subscriptions stand; a stream tells only of what comes after.
        await soon(public.watch_order_book(symbol))
        await asyncio.sleep(1)
        order = await soon(maker.create_order_ws(symbol, "limit", "sell", quantity, price))
        check("create_order_ws", order["status"] == "open", order)
        taken = await soon(taker.create_order_ws(symbol, "limit", "buy", quantity / 2, price, {"timeInForce": "IOC"}))
        check("create_order_ws that takes", amount(taken["filled"]) == amount(quantity / 2), taken)
        for name, task in watching.items():
            try:
                value = await task
                check(name, True)
            except asyncio.TimeoutError:
                check(name, False, "nothing of it was told")
        ended = await soon(maker.cancel_order_ws(order["id"], symbol))
        check("cancel_order_ws", ended["status"] == "canceled", ended)
    finally:
        for exchange in (public, maker, taker):
            await exchange.close()


async def without_a_gap(given):
    """Trades go on, whatever becomes of a leader; one who follows a node that stays sees each of them once."""
    symbol, price = given.symbol, given.price
    public = client(given.host, given.ca)
    trades_at = given.trade_at or given.host
    maker, taker = client(trades_at, given.ca, given.maker), client(trades_at, given.ca, given.taker)
    ids, stop = [], asyncio.Event()

    async def follow():
        while True:
            ids.extend(int(trade["id"]) for trade in await public.watch_trades(symbol))

    async def book():
        while True:
            await public.watch_order_book(symbol)

    async def trade():
        made = 0
        for number in itertools.count():
            if stop.is_set():
                return made
            try:
                await maker.create_order(symbol, "limit", "sell", 0.001, price + number % 7)
                await taker.create_order(symbol, "limit", "buy", 0.001, price + 100, {"timeInForce": "IOC"})
                made += 1
            except (ccxt.NetworkError, ccxt.ExchangeError):
                # No leader for a moment: what matters here is what did happen.
                await asyncio.sleep(0.05)

    try:
        for exchange in (public, maker, taker):
            await exchange.load_markets()
        tasks = [asyncio.ensure_future(follow()), asyncio.ensure_future(book())]
        await soon(public.watch_order_book(symbol))
        await asyncio.sleep(1)
        trading = asyncio.ensure_future(trade())
        print("following", flush=True)
        await asyncio.sleep(given.watch)
        stop.set()
        made = await soon(trading)
        last = int((await soon(public.fetch_trades(symbol)))[-1]["id"])
        deadline = time.monotonic() + PATIENCE
        while (not ids or ids[-1] < last) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        check("trades went on", made >= 20, made)
        check("every trade once and in order", ids == list(range(ids[0], last + 1)), ids)
        served = await soon(public.fetch_order_book(symbol, 1000))
        same = lambda: all(
            [level[:2] for level in public.orderbooks[symbol][side]] == [level[:2] for level in served[side]]
            for side in ("bids", "asks"))
        while not same() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        check("the book that was followed is the one that is served", same(), (served, public.orderbooks[symbol]))
        for task in tasks:
            check("no stream broke", not task.done(), task)
            task.cancel()
        print(f"{len(ids)} trades followed", flush=True)
    finally:
        for exchange in (public, maker, taker):
            await exchange.close()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--host", required=True)
    arguments.add_argument("--ca", required=True, help="the certificate authority of the cluster, as PEM")
    arguments.add_argument("--symbol", default="BTC/USDT")
    arguments.add_argument("--maker", required=True, help="KEY:SECRET of the one who rests")
    arguments.add_argument("--taker", required=True, help="KEY:SECRET of the one who takes")
    arguments.add_argument("--price", type=float, default=50000)
    arguments.add_argument("--quantity", type=float, default=0.01)
    arguments.add_argument("--watch", type=float, help="follow trades for so many seconds instead")
    arguments.add_argument("--trade-at", help="the host where those trades are made")
    given = arguments.parse_args()
    asyncio.run(without_a_gap(given) if given.watch else every_stream(given))
    print("all streams did what they should")


if __name__ == "__main__":
    sys.exit(main())
