// Compares the golden vectors of appliance/chains/testdata with ethers and tronweb: addresses from the words and from the
// accounts' public keys, and signed transactions: what they say, their names, who signed, and the same bytes again from
// the same key. Run by `ops/nodes --check`; the Bitcoin node judges its part in golden.py.
"use strict";
const assert = require("assert");
const fs = require("fs");
const { HDNodeWallet, Mnemonic, SigningKey, Transaction, getAddress } = require("ethers");
const { Trx, TronWeb, utils } = require("tronweb");

const golden = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const EVM = ["ethereum", "polygon", "bsc", "arbitrum"];
const counts = {};
const count = (what) => { counts[what] = (counts[what] || 0) + 1; };
const master = HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(golden.words), "m");
const typeOf = { transfer: "TransferContract", "token transfer": "TriggerSmartContract", delegate: "DelegateResourceContract",
  undelegate: "UnDelegateResourceContract", freeze: "FreezeBalanceV2Contract",
  unfreeze: "UnfreezeBalanceV2Contract", collect: "WithdrawExpireUnfreezeContract" };

assert.strictEqual(master.fingerprint.slice(2), golden.fingerprint);
for (const given of golden.addresses) {
  // What one account key derives: the last two steps, which are not hardened.
  const below = given.path.split("/").slice(4).join("/");
  const byAccount = HDNodeWallet.fromExtendedKey(given.account_xpub.startsWith("xpub") ? given.account_xpub
    : master.derivePath(given.path.split("/").slice(1, 4).join("/")).neuter().extendedKey).derivePath(below);
  assert.strictEqual(byAccount.publicKey.slice(2), given.public_key, given.path);
  if (EVM.includes(given.network)) {
    assert.strictEqual(byAccount.address, given.address);
    assert.strictEqual(master.derivePath(given.path.slice(2)).address, given.address);
    count("EVM addresses");
  } else if (given.network === "tron") {
    assert.strictEqual(TronWeb.fromMnemonic(golden.words, given.path).address, given.address);
    assert.strictEqual(TronWeb.address.fromHex("41" + byAccount.address.slice(2)), given.address);
    count("TRON addresses");
  } else {
    count("Bitcoin public keys");
  }
}

function evm(given) {
  const raw = "0x" + given.raw;
  const read = Transaction.from(raw);
  const special = given.special;
  assert.strictEqual(read.hash.slice(2), given.id);
  assert.strictEqual(read.from, getAddress(given.from[0]));
  assert.strictEqual(read.to, special.to);
  assert.strictEqual(read.unsignedHash.slice(2), given.digests[0]);
  assert.strictEqual(read.unsignedSerialized.slice(2), special.preimage);
  assert.deepStrictEqual([read.nonce, read.chainId, read.value, read.gasLimit, read.data],
    [special.nonce, BigInt(given.chain), BigInt(special.value), BigInt(special.gas), special.data]);
  if (special.gas_price === null) {
    assert.deepStrictEqual([read.maxFeePerGas, read.maxPriorityFeePerGas], [BigInt(special.max_fee), BigInt(special.tip)]);
  } else {
    assert.strictEqual(read.gasPrice, BigInt(special.gas_price));
  }
  const again = read.clone();
  again.signature = new SigningKey("0x" + given.private_keys[0]).sign(read.unsignedHash);
  assert.strictEqual(again.serialized, raw);
  count("EVM transactions");
}

function tron(given) {
  const raw_data_hex = given.special.raw_data;
  const raw_data = utils.deserializeTx.deserializeTransaction(typeOf[given.kind], raw_data_hex);
  const signature = given.signatures;
  const transaction = { visible: false, txID: given.id, raw_data, raw_data_hex, signature };
  assert(utils.transaction.txCheck(transaction), given.name);
  assert.strictEqual(TronWeb.address.fromHex(Trx.ecRecover(transaction)), given.from[0]);
  const said = raw_data.contract[0].parameter.value;
  assert.strictEqual(TronWeb.address.fromHex(said.owner_address), given.from[0]);
  if (given.kind === "transfer") {
    assert.deepStrictEqual([TronWeb.address.fromHex(said.to_address), String(said.amount)],
      [given.payments[0].to, String(given.payments[0].amount)]);
  } else if (given.kind === "token transfer") {
    const [to, amount] = utils.abi.decodeParams([], ["address", "uint256"], "0x" + said.data.replace(/^0x/, "").slice(8));
    assert.deepStrictEqual([TronWeb.address.fromHex(to), String(amount), TronWeb.address.fromHex(said.contract_address)],
      [given.payments[0].to, String(given.payments[0].amount), given.payments[0].token]);
  }
  // The same r and s again; tronweb writes the last byte otherwise.
  const again = utils.crypto.signTransaction(given.private_keys[0], { txID: given.id }).signature[0];
  assert.strictEqual(again.replace(/^0x/, "").slice(0, 128).toLowerCase(), signature[0].slice(0, 128));
  // What a changed byte would do to this check: another signer.
  const broken = { ...transaction, signature: [signature[0].slice(0, 128) + (signature[0].endsWith("00") ? "01" : "00")] };
  assert.notStrictEqual(TronWeb.address.fromHex(Trx.ecRecover(broken)), given.from[0]);
  count("TRON transactions");
}

for (const given of golden.transactions) {
  if (EVM.includes(given.network)) evm(given);
  else if (given.network === "tron") tron(given);
}
for (const what of ["EVM addresses", "TRON addresses", "EVM transactions", "TRON transactions"]) assert(counts[what] > 0, what);
console.log("golden vectors, ethers and tronweb: " + Object.entries(counts).map(([what, n]) => `${n} ${what}`).join(", "));
