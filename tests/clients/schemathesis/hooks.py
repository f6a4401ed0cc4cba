"""What schemathesis is told of this API beyond its description.

Loaded by ops/openapi through SCHEMATHESIS_HOOKS. Adds two checks of what a refusal means, and leaves out what would end
the run by succeeding.
"""

import json
import os
import re

import requests
import schemathesis
import urllib3

ADDRESS = os.environ["EXCHEQUER_FUZZED"]
SEEN_FILE = os.environ["EXCHEQUER_FUZZED_SEEN"]
WRITES = ("POST", "PUT", "PATCH", "DELETE")
# What cannot be understood today cannot be understood tomorrow; other codes depend on what there is.
NOT_UNDERSTOOD = ("EXQ-0108", "EXQ-0110")

urllib3.disable_warnings()
session = requests.Session()
session.verify = False
session.headers["Authorization"] = f"Bearer {os.environ['EXCHEQUER_TOKEN']}"
# What there was after the last refusal; none where something was changed since.
state = {"print": None}
accepted = {}
drawn = {"cases": 0}
# The description's examples.
COMMAND_ID = "5f0d7a6f2b3c4d5e8f901a2b3c4d5e6f"
TRANSFER_ID = "018f3a5e0000700080000000000000ab"
SPAN = re.compile(r"([0-9]+(us|ms|s|m|h|d))+")


def read(path):
    answer = session.get(ADDRESS + path, timeout=30)
    answer.raise_for_status()
    return answer.json()


def fingerprint():
    """What every change leaves a trace in: an audited one, one of money, users, assets and markets."""
    markets = [{key: market[key] for key in ("symbol", "fees", "filters", "breaker")}
               for market in read("/v1/markets")["markets"]]
    operator = [(entry["sequence"], entry["action"], entry["detail"]) for entry in read("/v1/audit?limit=20")["entries"] if entry["actor"] == "operator"]
    return {
        # What a node does on its own behalf follows an accepted request, some time later.
        "audit": operator[-1:],
        "settings": read("/v1/settings/history?limit=1")["revision"],
        "users": read("/v1/users?limit=1")["count"],
        "assets": len(read("/v1/assets")["assets"]),
        "money": read("/v1/ledger/trial-balance"),
        "markets": markets,
    }


def is_state(case):
    return case.method.upper() in WRITES and case.path.startswith("/v1/")


@schemathesis.hook
def map_case(context, case):
    """Points good data at what there is, most of the time: names are drawn, and hardly ever hit."""
    body, drawn["cases"] = case.body, drawn["cases"] + 1
    # A read that allows no age is refused for its age, whatever else is wrong with it. One that is to be refused for
    # something else gets time; what is no span of time stays what it is.
    if case.meta and case.meta.generation.mode.is_negative and SPAN.fullmatch(str((case.query or {}).get("max_stale"))):
        case.query["max_stale"] = "1h"
    if not isinstance(body, dict) or drawn["cases"] % 8 == 0:
        return case
    for part in [body, *(value for value in body.values() if isinstance(value, dict))]:
        # The example's id is used once; after that it is another command's.
        for name, example in (("command_id", COMMAND_ID), ("id", TRANSFER_ID)):
            if part.get(name) == example:
                del part[name]
        if not case.meta or case.meta.generation.mode.is_negative:
            continue
        for name in ("user", "from", "to"):
            if isinstance(part.get(name), int):
                part[name] = 1 + part[name] % 2
        if part.get("kind") == "limit":
            part |= {"market": "BTCUSDT", "price": "100.25", "quantity": "0.01", "quote_quantity": None}
        if part.get("asset"):
            part["asset"] = "USDT"
    return case


@schemathesis.hook
def filter_case(context, case):
    """A token that is rotated is one that the run does not have any more."""
    if case.path == "/v1/operator-token/rotate" and isinstance(case.body, dict):
        hash = case.body.get("new_hash")
        return not (isinstance(hash, str) and len(hash) == 64)
    # What stops the exchange would stop the run; how that is refused is tried all the same.
    if case.path in ("/v1/emergency/stop", "/v1/maintenance/system") and case.method.upper() == "POST":
        return bool(case.meta and case.meta.generation.mode.is_negative)
    # A setting that slows the node down would slow the run down.
    if case.path == "/v1/settings/{key}" and case.method.upper() == "PUT":
        return (case.path_parameters or {}).get("key") == "read.stale_max" or "." not in str(case.path_parameters)
    return True


@schemathesis.check
def a_server_error_is_none_of_ours(context, response, case):
    """No 5xx, but where the caller asks for a state younger than there can be, or for an address where no signer made any."""
    if response.status_code < 500:
        return
    text = response.text
    asked = "max_stale" in (case.query or {})
    known = (asked and "EXQ-0317" in text) or (case.path.endswith("/addresses") and "EXQ-1305" in text)
    assert known, f"{response.status_code}: {text[:500]}"


@schemathesis.check
def a_refusal_changes_nothing(context, response, case):
    """The state's traces are the same after refusals, one after the other."""
    if not is_state(case):
        return
    if 200 <= response.status_code < 300:
        state["print"] = None
        return
    now = fingerprint()
    before, state["print"] = state["print"], now
    changed = {name: (before[name], now[name]) for name in now if before and before[name] != now[name]}
    assert not changed, f"changed by what was refused: {changed}"


@schemathesis.check
def a_refusal_is_stable(context, response, case):
    """What was not understood is not understood again, with the same code."""
    if not 400 <= response.status_code < 500 or not response.content.startswith(b'{"error"'):
        return
    code = response.json()["error"]["code"]
    if code not in NOT_UNDERSTOOD:
        return
    request = response.request
    same = {name: request.headers[name] for name in ("Content-Type", "exq-propose") if name in request.headers}
    again = session.request(request.method, request.url, data=request.body, headers=same, timeout=30)
    assert again.json()["error"]["code"] == code, f"{code} first, then {again.text[:500]}"


@schemathesis.check
def a_message_is_short(context, response, case):
    """A refusal does not give back what was sent."""
    if response.status_code >= 400 and response.content.startswith(b'{"error"'):
        message = response.json()["error"]["message"]
        assert 0 < len(message) <= 600, f"{len(message)} characters: {message[:200]}"


@schemathesis.hook
def after_call(context, case, response):
    """Counts, for the summary, which operations were accepted at all."""
    name = case.operation.label
    counts = accepted.setdefault(name, [0, 0])
    counts[0 if response.status_code < 400 else 1] += 1
    with open(SEEN_FILE, "w", encoding="utf-8") as file:
        json.dump(accepted, file)
