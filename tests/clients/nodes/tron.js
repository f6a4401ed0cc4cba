// tronweb drives the simulator of TRON: node tron.js URL. Run by check.py.
"use strict";
const assert = require("assert");
const { TronWeb, utils } = require("tronweb");

const url = process.argv[2];
const control = (what, body) => fetch(`${url}/control/${what}`, { method: "POST", body: JSON.stringify(body || {}) })
  .then((answer) => answer.json());
const solidify = () => control("mine", { blocks: 20 });

async function main() {
  const ann = utils.accounts.generateAccount();
  const bob = utils.accounts.generateAccount();
  const [from, to] = [ann.address.base58, bob.address.base58];
  const tron = new TronWeb({ fullHost: url, privateKey: ann.privateKey });
  await control("mine", { blocks: 30 });
  await control("fund", { address: from, sun: 1000000000 });

  // What is not there is empty, not an error.
  assert.deepStrictEqual(await tron.trx.getUnconfirmedAccount(to), {});
  assert.deepStrictEqual(await tron.fullNode.request("wallet/gettransactioninfobyid", { value: "00".repeat(32) }, "post"), {});

  // TRX to an account that is not there yet: activated, for 1.1 TRX.
  const sent = await tron.trx.sendTransaction(to, 5000000);
  assert.strictEqual(sent.result, true);
  await control("mine");
  const seen = await tron.trx.getUnconfirmedTransactionInfo(sent.txid);
  assert.deepStrictEqual([seen.fee, seen.receipt], [1100000, { net_fee: 100000 }]);
  const mined = await tron.trx.getTransaction(sent.txid);
  assert.deepStrictEqual(mined.ret, [{ contractRet: "SUCCESS" }]);
  assert(utils.transaction.txCheck(mined));
  const block = await tron.trx.getBlock(seen.blockNumber);
  assert.strictEqual(block.transactions[0].txID, sent.txid);
  // Not solid yet: nothing to see there, until 19 of 27 have built on it.
  const solid = () => tron.solidityNode.request("walletsolidity/gettransactioninfobyid", { value: sent.txid }, "post");
  assert.deepStrictEqual(await solid(), {});
  await control("mine", { blocks: 17 });
  assert.deepStrictEqual(await solid(), {});
  await control("mine");
  assert.strictEqual((await solid()).id, sent.txid);
  assert.strictEqual(await tron.trx.getBalance(to), 5000000);

  // The same bytes again, and others under the same name.
  const again = await tron.fullNode.request("wallet/broadcasttransaction", sent.transaction, "post");
  assert.strictEqual(again.code, "DUP_TRANSACTION_ERROR");
  assert.strictEqual(again.result, undefined);

  // To one that is there: free bytes, no fee. Then a TRC-20 transfer, with energy burned.
  const second = await tron.trx.sendTransaction(to, 1);
  await control("mine");
  const free = await tron.trx.getUnconfirmedTransactionInfo(second.txid);
  assert.deepStrictEqual([free.fee, free.receipt.net_usage > 260 && free.receipt.net_usage < 275], [undefined, true]);
  const { address: token } = await control("token", { symbol: "USDT", decimals: 6 });
  await control("issue", { token, to: from, amount: "1000000000" });
  const transfer = async (amount, feeLimit, signer = ann.privateKey, owner = from, receiver = to) => {
    const parameters = [{ type: "address", value: receiver }, { type: "uint256", value: amount }];
    const made = await tron.transactionBuilder.triggerSmartContract(token, "transfer(address,uint256)", { feeLimit }, parameters, owner);
    const signed = await tron.trx.sign(made.transaction, signer);
    const broadcast = await tron.trx.sendRawTransaction(signed);
    await control("mine");
    return { broadcast, info: await tron.trx.getUnconfirmedTransactionInfo(signed.txID) };
  };
  const asked = await tron.transactionBuilder.triggerConstantContract(token, "transfer(address,uint256)", {},
    [{ type: "address", value: to }, { type: "uint256", value: 1 }], from);
  assert.strictEqual(asked.energy_used, 130285);
  const fresh = (await transfer(250000000, 30000000)).info;
  assert.deepStrictEqual([fresh.receipt.result, fresh.receipt.energy_usage_total, fresh.receipt.energy_fee], ["SUCCESS", 130285, 13028500]);
  assert.strictEqual(fresh.log[0].address, TronWeb.address.toHex(token).slice(2));
  assert.strictEqual(BigInt("0x" + fresh.log[0].data), 250000000n);
  const known = (await transfer(1, 30000000)).info;
  assert.strictEqual(known.receipt.energy_usage_total, 64285);
  const contract = await tron.contract().at(token);
  assert.strictEqual(BigInt(await contract.balanceOf(to).call()), 250000001n);
  assert.deepStrictEqual([Number(await contract.decimals().call()), await contract.symbol().call()], [6, "USDT"]);

  // A limit that does not reach: burned, nothing moved. More than there is: reverted.
  const short = (await transfer(1, 1000000)).info;
  assert.deepStrictEqual([short.result, short.receipt.result, short.receipt.energy_fee, short.log],
    ["FAILED", "OUT_OF_ENERGY", 1000000, undefined]);
  const much = (await transfer(10000000000, 30000000)).info;
  assert.deepStrictEqual([much.result, much.receipt.result], ["FAILED", "REVERT"]);
  assert.strictEqual(BigInt(await contract.balanceOf(to).call()), 250000001n);

  // Signed by another, expired, of another chain.
  const made = await tron.transactionBuilder.sendTrx(to, 7, from);
  const forged = await tron.trx.sign(made, bob.privateKey).catch(() => null);
  assert.strictEqual(forged, null, "tronweb signs for others");
  const right = await tron.trx.sign(JSON.parse(JSON.stringify(made)), ann.privateKey);
  const stolen = { ...right, signature: [right.signature[0].slice(0, 64) + right.signature[0].slice(0, 64) + right.signature[0].slice(128)] };
  assert.strictEqual((await tron.fullNode.request("wallet/broadcasttransaction", stolen, "post")).code, "SIGERROR");
  await control("mine", { blocks: 40 });
  const late = await tron.fullNode.request("wallet/broadcasttransaction", right, "post");
  assert.strictEqual(late.code, "TRANSACTION_EXPIRATION_ERROR");

  // Energy: staked, lent, used, taken back.
  const act = async (building, key = ann.privateKey) => {
    const signed = await tron.trx.sign(await building, key);
    const told = await tron.trx.sendRawTransaction(signed);
    assert.strictEqual(told.result, true, JSON.stringify(told));
    await control("mine");
  };
  await control("fund", { address: from, sun: 30000000000000 });
  await act(tron.transactionBuilder.freezeBalanceV2(20000000000000, "ENERGY", from));
  const rich = await tron.trx.getAccountResources(from);
  assert(rich.EnergyLimit > 180000 && rich.EnergyUsed === undefined, JSON.stringify(rich));
  await act(tron.transactionBuilder.delegateResource(10000000000000, to, "ENERGY", from));
  const lent = await tron.trx.getAccountResources(to);
  assert(lent.EnergyLimit > 90000 && lent.EnergyLimit <= rich.EnergyLimit / 2 + 1, JSON.stringify(lent));
  const back = await transfer(5, 30000000, bob.privateKey, to, from);
  assert.deepStrictEqual([back.info.receipt.energy_usage, back.info.receipt.energy_fee], [64285, undefined]);
  assert.strictEqual((await tron.trx.getAccountResources(to)).EnergyUsed, 64285);
  await act(tron.transactionBuilder.undelegateResource(10000000000000, to, "ENERGY", from));
  assert.strictEqual((await tron.trx.getAccountResources(to)).EnergyLimit, undefined);

  // A fork: what was in a block waits again and comes back elsewhere.
  await solidify();
  const unsure = await tron.trx.sendTransaction(to, 11);
  await control("mine");
  const before = await tron.trx.getUnconfirmedTransactionInfo(unsure.txid);
  await control("fork", { depth: 1, again: "all" });
  const after = await tron.trx.getUnconfirmedTransactionInfo(unsure.txid);
  assert.strictEqual(after.blockNumber, before.blockNumber + 1);
  await control("fork", { depth: 2, again: "none" });
  assert.deepStrictEqual(await tron.trx.getUnconfirmedTransactionInfo(unsure.txid), {});
  assert((await control("fork", { depth: 40 })).error.includes("solid"));

  const parameters = await tron.trx.getChainParameters();
  assert.deepStrictEqual(parameters.find((one) => one.key === "getEnergyFee"), { key: "getEnergyFee", value: 100 });

  // Faults: the reply is lost and the transaction is not; too much asked; a body cut.
  await control("faults", [{ fault: "drop_reply", method: "broadcasthex", times: 1 }, { fault: "too_many_requests", method: "getaccount", times: 1, retry_after_s: 1 }]);
  const last = await tron.trx.sign(await tron.transactionBuilder.sendTrx(to, 13, from), ann.privateKey);
  const hex = utils.transaction.txJsonToPb(last);
  for (const signature of last.signature) hex.addSignature(Buffer.from(signature.replace(/^0x/, ""), "hex"));
  const whole = Buffer.from(hex.serializeBinary()).toString("hex");
  const lost = await fetch(`${url}/wallet/broadcasthex`, { method: "POST", body: JSON.stringify({ transaction: whole }) }).then(() => "answered", () => "lost");
  assert.strictEqual(lost, "lost");
  const dup = await tron.trx.sendHexTransaction(whole);
  assert.strictEqual(dup.code, "DUP_TRANSACTION_ERROR");
  await solidify();
  assert.strictEqual((await tron.trx.getTransactionInfo(last.txID)).id, last.txID);
  const busy = await tron.fullNode.request("wallet/getaccount", { address: TronWeb.address.toHex(to) }, "post");
  assert(busy.Error.includes("lack of computing resources"));
  console.log("tronweb drives TRON: transfers, activation, TRC-20, solidity, refusals, energy, forks, faults");
}

main().catch((error) => { console.error(error); process.exit(1); });
