"""Compares the golden vectors of appliance/chains/testdata with the Bitcoin node: addresses by deriveaddresses, and signed
transactions: what they say, and whether their signatures open the outputs that they spend. Used by check.py.
"""

import json


def with_checksum(rpc, descriptor):
    return rpc("getdescriptorinfo", descriptor)["descriptor"]


def addresses(rpc, golden, chain):
    """Each address of this chain out of its account's public key."""
    seen = 0
    for given in golden["addresses"]:
        if given["network"] != "bitcoin" or given["chain"] != chain:
            continue
        kind = {"segwit": "wpkh", "taproot": "tr"}[given["scheme"]]
        below = "/".join(given["path"].split("/")[4:])
        found = rpc("deriveaddresses", with_checksum(rpc, f"{kind}({given['account_xpub']}/{below})"))
        assert found == [given["address"]], f"{given['path']} on {chain}: the node derives {found}, not {given['address']}"
        seen += 1
    return seen


def coins(satoshi):
    """In bitcoin, as the node reads amounts: as text, so that nothing is rounded."""
    return f"{satoshi // 10**8}.{satoshi % 10**8:08d}"


def complete(rpc, raw, spent):
    """Whether the node finds every input of the transaction signed for what it spends."""
    before = [{"txid": one["txid"], "vout": one["vout"], "scriptPubKey": one["script"], "amount": coins(one["amount"])}
              for one in spent]
    return rpc("signrawtransactionwithkey", raw, [], before)["complete"]


def transactions(rpc, golden, chain):
    """Each transaction of this chain: its name, its outputs, its signatures; and none of them with other amounts."""
    seen = 0
    for given in golden["transactions"]:
        if given["network"] != "bitcoin" or given["chain"] != chain:
            continue
        told, special = rpc("decoderawtransaction", given["raw"]), given["special"]
        assert told["txid"] == given["id"], given["name"]
        found = [(one["scriptPubKey"]["address"], round(one["value"] * 10**8)) for one in told["vout"]]
        wanted = [(one["to"], int(one["amount"])) for one in given["payments"]]
        wanted += [(one["address"], int(one["amount"])) for one in special["change"]]
        assert sorted(found) == sorted(wanted), f"{given['name']}: the node reads {found}"
        spent = [(one["txid"], one["vout"]) for one in told["vin"]]
        assert spent == [(one["txid"], one["vout"]) for one in special["spent"]], given["name"]
        fee = sum(int(one["amount"]) for one in special["spent"]) - sum(amount for _, amount in found)
        assert fee == int(given["fee_max"]), f"{given['name']}: a fee of {fee}"
        inputs = [{**one, "amount": int(one["amount"])} for one in special["spent"]]
        assert complete(rpc, given["raw"], inputs), f"{given['name']}: the node finds a signature wrong"
        other = [{**one, "amount": one["amount"] + 1} for one in inputs]
        assert not complete(rpc, given["raw"], other), f"{given['name']}: signed for any amount"
        seen += 1
    return seen


def check(rpc, path, chain):
    golden = json.loads(path.read_text())
    derived, judged = addresses(rpc, golden, chain), transactions(rpc, golden, chain)
    assert derived and judged, f"no vectors of {chain}"
    return f"golden vectors, Bitcoin node on {chain}: {derived} addresses, {judged} transactions"
