"""tronpy drives the simulator of TRON: tron.py URL. Run by check.py."""

import json
import sys
import urllib.request

from tronpy import Tron
from tronpy.exceptions import TransactionNotFound
from tronpy.keys import PrivateKey
from tronpy.providers import HTTPProvider

URL = sys.argv[1]


def control(what, **body):
    request = urllib.request.Request(f"{URL}/control/{what}", data=json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def main():
    client = Tron(HTTPProvider(URL))
    ann, bob = PrivateKey.random(), PrivateKey.random()
    sender, receiver = ann.public_key.to_base58check_address(), bob.public_key.to_base58check_address()
    control("fund", address=sender, sun=100_000_000)
    control("mine", blocks=30)

    sent = client.trx.transfer(sender, receiver, 2_000_000).build().sign(ann).broadcast()
    assert sent["result"], sent
    try:
        client.get_transaction_info(sent["txid"])
        sys.exit("a transaction that waits has a receipt")
    except TransactionNotFound:
        pass
    control("mine", blocks=1)
    told = client.get_transaction_info(sent["txid"])
    assert told["fee"] == 1_100_000, told
    assert client.get_account(receiver)["balance"] == 2_000_000
    assert client.get_transaction(sent["txid"])["ret"][0]["contractRet"] == "SUCCESS"

    token = control("token", symbol="TRC", decimals=6)["address"]
    control("issue", token=token, to=sender, amount="5000000")
    contract = client.get_contract(token)
    assert contract.functions.balanceOf(sender) == 5_000_000
    assert contract.functions.symbol() == "TRC"
    moved = contract.functions.transfer(receiver, 1_500_000).with_owner(sender).fee_limit(20_000_000).build().sign(ann).broadcast()
    control("mine", blocks=1)
    told = client.get_transaction_info(moved["txid"])
    assert told["receipt"]["result"] == "SUCCESS" and told["receipt"]["energy_usage_total"] == 130_285, told
    assert contract.functions.balanceOf(receiver) == 1_500_000
    left = client.get_account_resource(sender)
    assert left["freeNetUsed"] > 300, left

    head = client.get_latest_block_number()
    block = client.get_block(told["blockNumber"])
    assert [one["txID"] for one in block["transactions"]] == [moved["txid"]]
    assert client.get_latest_solid_block_number() == head - 18
    print("tronpy drives TRON: transfer, activation, TRC-20, receipts, resources, solidity")


if __name__ == "__main__":
    main()
