"""What schemathesis is told of the spot dialect, the listings and the charts beyond their description.

Loaded by ops/openapi through SCHEMATHESIS_HOOKS. Signs what is to be signed, with the moment at which it is sent, and adds
two checks of what a refusal means.
"""

import hashlib
import hmac
import json
import os
import re
import time
from urllib.parse import urlsplit, urlunsplit

import requests
import schemathesis
import urllib3
from schemathesis.specs.openapi.checks import negative_data_rejection

ADDRESS = os.environ["EXCHEQUER_FUZZED"]
SEEN_FILE = os.environ["EXCHEQUER_FUZZED_SEEN"]
KEY, SECRET = os.environ["EXCHEQUER_FUZZED_KEY"], os.environ["EXCHEQUER_FUZZED_SECRET"].encode()
SIGNATURE = re.compile(r"signature=[0-9a-fA-F]{64}$")
MOMENT = re.compile(r"(^|&)timestamp=[0-9]+(?=&)")

urllib3.disable_warnings()
session = requests.Session()
session.verify = False
session.headers["Authorization"] = f"Bearer {os.environ['EXCHEQUER_TOKEN']}"
accepted = {}
drawn = {"cases": 0}
# The numbers of what was entered last.
entered = {}
# What there was after the last refusal; none where something was changed since.
state = {"print": None}


class Signed(requests.auth.AuthBase):
    """Puts the present moment and the right signature where there are well-formed ones; what is ill-formed stays."""

    def __call__(self, request):
        parts = urlsplit(request.url)
        query = parts.query
        if SIGNATURE.search(query):
            text = SIGNATURE.sub("", query)
            text = MOMENT.sub(lambda found: f"{found[1]}timestamp={int(time.time() * 1000)}", text).rstrip("&")
            mac = hmac.new(SECRET, text.encode(), hashlib.sha256).hexdigest()
            request.url = urlunsplit(parts._replace(query=f"{text}&signature={mac}"))
        request.headers["X-MBX-APIKEY"] = KEY
        return request


def read(path):
    answer = session.get(ADDRESS + path, timeout=30)
    answer.raise_for_status()
    return answer.json()


def fingerprint():
    """What every change of an order leaves a trace in: the money, held or not, and how many orders there ever were."""
    orders = read("/v1/orders?user=1&state=all&market=BTCUSDT")
    return {"money": read("/v1/ledger/trial-balance"), "accounts": read("/v1/ledger/accounts?user=1"), "orders": orders}


@schemathesis.hook
def map_case(context, case):
    """Points good data at what there is, most of the time: names are drawn, and hardly ever hit."""
    query, drawn["cases"] = case.query, drawn["cases"] + 1
    if not query or drawn["cases"] % 8 == 0 or not case.meta or case.meta.generation.mode.is_negative:
        return case
    for name in ("symbol", "symbols", "ticker_id", "pair"):
        if name in query:
            query[name] = {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}.get(name, "BTC_USDT")
    if "symbol" in query:
        query.pop("symbols", None)
    if "recvWindow" in query:
        query["recvWindow"] = f"{20_000 + drawn['cases'] % 10_000}"
    if case.path.startswith("/api/v3/order") and case.method.upper() == "POST" and "type" in query:
        # Well-formed orders are rare among made-up ones: every other one is made one.
        if drawn["cases"] % 2:
            side = query.get("side", "BUY")
            price = "90" if side == "BUY" else "110"
            wanted = {"type": "LIMIT", "timeInForce": "GTC", "price": price, "quantity": "0.1"}
            for name in ("quoteOrderQty", "stopPrice", "trailingDelta", "icebergQty"):
                query.pop(name, None)
            query |= wanted
    if case.path == "/api/v3/orderList/oco" and drawn["cases"] % 2:
        for name in ("abovePrice", "aboveStopPrice", "aboveTimeInForce", "belowPrice", "belowStopPrice", "belowTimeInForce"):
            query.pop(name, None)
        query |= {"side": "SELL", "quantity": "0.1", "aboveType": "LIMIT_MAKER", "abovePrice": "120",
                  "belowType": "STOP_LOSS", "belowStopPrice": "80"}
    for name, of in (("orderId", "orderId"), ("cancelOrderId", "orderId"), ("orderListId", "orderListId")):
        # A number that was drawn is nobody's.
        if name in query and of in entered and drawn["cases"] % 4:
            query[name] = entered[of]
    if "newQty" in query and drawn["cases"] % 2:
        query["newQty"] = "0.05"
    # The signature is the last one.
    if "signature" in query:
        query["signature"] = query.pop("signature")
    return case


@schemathesis.hook
def before_call(context, case, kwargs):
    if "X-MBX-APIKEY" not in (case.headers or {}):
        kwargs["auth"] = Signed()


@schemathesis.check
def a_server_error_is_none_of_ours(context, response, case):
    """No 5xx at all: the node leads and is alone."""
    assert response.status_code < 500, f"{response.status_code}: {response.text[:500]}"


@schemathesis.check
def a_refusal_changes_nothing(context, response, case):
    """Money and orders are the same after refusals, one after the other."""
    if case.method.upper() == "GET":
        return
    if 200 <= response.status_code < 300 or response.status_code == 409:
        state["print"] = None
        return
    now = fingerprint()
    before, state["print"] = state["print"], now
    changed = [name for name in now if before and before[name] != now[name]]
    assert not changed, f"changed by what was refused: {changed}"


@schemathesis.check
def what_breaks_a_rule_is_refused(context, response, case):
    """But for charts, whose library reads refusals off answers of status 200, and for the lists that are empty anyway."""
    if not case.path.startswith(("/udf/", "/sapi/v1/margin/")):
        return negative_data_rejection(context, response, case)


@schemathesis.check
def a_described_parameter_is_read(context, response, case):
    """Good data is never told that there was something which nobody asked for."""
    if case.meta and not case.meta.generation.mode.is_negative and response.status_code == 400:
        assert '"code":-1104,' not in response.text.replace(" ", ""), response.text[:500]


@schemathesis.check
def a_message_is_short(context, response, case):
    """A refusal has a code and does not give back what was sent."""
    if response.status_code >= 400 and response.content.startswith(b"{"):
        refusal = response.json()
        assert refusal["code"] < 0 and 0 < len(refusal["msg"]) <= 300, response.text[:500]


@schemathesis.hook
def after_call(context, case, response):
    """Counts, for the summary, which operations were accepted at all."""
    counts = accepted.setdefault(case.operation.label, [0, 0])
    counts[0 if response.status_code < 400 else 1] += 1
    if case.method.upper() == "POST" and response.status_code == 200:
        answer = response.json()
        entered.update({name: answer[name] for name in ("orderId", "orderListId") if answer.get(name, -1) >= 0})
    with open(SEEN_FILE, "w", encoding="utf-8") as file:
        json.dump(accepted, file)
