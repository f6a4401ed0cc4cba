// ethers drives one endpoint of the shim: node evm.js PROFILE URL ANVIL_URL. Run by check.py.
"use strict";
const assert = require("assert");
const fs = require("fs");
const path = require("path");
const { ContractFactory, Contract, FetchRequest, HDNodeWallet, JsonRpcProvider, Network, parseEther, parseUnits } = require("ethers");

const [profile, url, direct] = process.argv.slice(2);
const { contracts } = JSON.parse(fs.readFileSync(path.join(__dirname, "../../contracts/contracts.json"), "utf8"));
const anvil = new JsonRpcProvider(direct);
const GWEI = parseUnits("1", "gwei");
const TIP = { ethereum: GWEI, polygon: 30n * GWEI, bsc: GWEI, arbitrum: 0n }[profile];

async function refused(what, sending, words) {
  const error = await sending.then(() => null, (error) => error);
  assert(error && JSON.stringify(error.info || error.error || error.message).includes(words), `${profile}: ${what}: ${error}`);
}

async function main() {
  const chain = Number(await anvil.send("eth_chainId", []));
  const provider = new JsonRpcProvider(url, Network.from(chain), { staticNetwork: true, pollingInterval: 50, cacheTimeout: -1 });
  const wallet = HDNodeWallet.fromPhrase("test test test test test test test test test test test junk").connect(provider);
  const other = HDNodeWallet.createRandom().address;
  const fee = { maxPriorityFeePerGas: TIP, maxFeePerGas: 100n * GWEI };

  // A transfer: sent, seen, in a block, and the money there.
  const sent = await wallet.sendTransaction({ to: other, value: parseEther("1"), gasLimit: 30000n, ...fee });
  const receipt = await sent.wait();
  assert.strictEqual(receipt.status, 1);
  assert.strictEqual(await provider.getBalance(other), parseEther("1"));
  const raw = await provider.send("eth_getTransactionReceipt", [sent.hash]);
  assert.strictEqual("gasUsedForL1" in raw, profile === "arbitrum");

  // A token: created, issued, moved, seen in logs.
  const factory = new ContractFactory(contracts.TetherLike.abi, contracts.TetherLike.bytecode, wallet);
  const token = await factory.deploy("Tether", "USDT", 6, { gasLimit: 3000000n, ...fee });
  const made = await token.waitForDeployment().then(() => token.getAddress());
  const own = new Contract(made, contracts.TetherLike.abi, wallet);
  await (await own.issue(wallet.address, 1000000n, { gasLimit: 200000n, ...fee })).wait();
  const moved = await (await own.transfer(other, 250000n, { gasLimit: 200000n, ...fee })).wait();
  assert.strictEqual(await own.balanceOf(other), 250000n);
  const logs = await own.queryFilter(own.filters.Transfer(null, other), moved.blockNumber, moved.blockNumber);
  assert.deepStrictEqual(logs.map((log) => [log.args.value, log.transactionIndex]), [[250000n, moved.index]]);

  // The network's own transactions, and that blocks, receipts and transactions tell the same places.
  await anvil.send("anvil_mine", ["0x14"]);
  const at = "0x" + moved.blockNumber.toString(16);
  const block = await provider.send("eth_getBlockByNumber", [at, true]);
  const receipts = await provider.send("eth_getBlockReceipts", [at]);
  assert.deepStrictEqual(block.transactions.map((one) => [one.hash, one.transactionIndex]),
    receipts.map((one) => [one.transactionHash, one.transactionIndex]));
  assert.strictEqual(block.transactions[0].type === "0x6a", profile === "arbitrum");
  const synced = await provider.send("eth_getBlockByNumber", ["0x10", true]);
  assert.strictEqual(synced.transactions.some((one) => one.type === "0x7f"), profile === "polygon");
  for (const one of [...block.transactions, ...synced.transactions]) {
    const again = await provider.send("eth_getTransactionByHash", [one.hash]);
    assert.deepStrictEqual([again.hash, again.transactionIndex, again.blockHash], [one.hash, one.transactionIndex, one.blockHash]);
  }

  // Inner calls: a trace for every transaction of the block, in its order.
  const tracer = { tracer: "callTracer" };
  const traces = await provider.send("debug_traceBlockByHash", [block.hash, tracer]).catch(() => null);
  if (traces) assert.deepStrictEqual(traces.map((one) => one.txHash), block.transactions.map((one) => one.hash));
  for (const one of block.transactions) assert((await provider.send("debug_traceTransaction", [one.hash, tracer])).type);

  // Finality.
  const head = await provider.getBlockNumber();
  const behind = { ethereum: 64, polygon: 4, bsc: 2, arbitrum: 40 }[profile];
  assert.strictEqual((await provider.getBlock("finalized")).number, Math.max(0, head - behind));
  if (profile === "bsc") {
    assert.strictEqual(Number((await provider.send("eth_getFinalizedHeader", [-2])).number), head - 2);
    assert.strictEqual(Number((await provider.getBlock("latest")).baseFeePerGas), 0);
  }

  // What is refused, and in which words.
  const nonce = await provider.getTransactionCount(wallet.address);
  await anvil.send("evm_setAutomine", [false]);
  const base = { to: other, value: 1n, gasLimit: 30000n, nonce, chainId: chain };
  const first = { ...base, maxPriorityFeePerGas: 50n * GWEI, maxFeePerGas: 100n * GWEI };
  const signed = await wallet.signTransaction(first);
  await provider.broadcastTransaction(signed);
  const send = async (more) => provider.broadcastTransaction(await wallet.signTransaction({ ...first, ...more }));
  await refused("the same again", provider.send("eth_sendRawTransaction", [signed]), "already known");
  const five = { maxPriorityFeePerGas: 52n * GWEI, maxFeePerGas: 105n * GWEI };
  await refused("five percent more", send(five), "replacement transaction underpriced");
  await refused("only the tip", send({ maxPriorityFeePerGas: 60n * GWEI }), "replacement transaction underpriced");
  await send({ maxPriorityFeePerGas: 55n * GWEI, maxFeePerGas: 110n * GWEI });
  await anvil.send("evm_setAutomine", [true]);
  await anvil.send("evm_mine", []);
  await refused("an old nonce", send({ value: 2n }), "nonce too low");
  await refused("too little gas", send({ nonce: nonce + 1, gasLimit: 20000n }), "intrinsic gas too low");
  if (profile === "polygon") {
    await refused("a small tip", send({ nonce: nonce + 1, maxPriorityFeePerGas: 24n * GWEI }), "underpriced");
    assert(BigInt(await provider.send("eth_maxPriorityFeePerGas", [])) >= 25n * GWEI);
  }
  const asked = { fromBlock: "0x5", toBlock: "0x4" };
  await refused("logs backwards", provider.send("eth_getLogs", [asked]), "invalid block range");

  // Faults come and go.
  const control = async (method, body) => {
    const request = new FetchRequest(url + "/control/faults");
    request.method = method;
    if (body) request.body = body;
    return (await request.send()).bodyJson;
  };
  await control("POST", [{ fault: "null_receipt", times: 1 }, { fault: "stuck_at", height: 3, method: "eth_blockNumber", times: 1 }]);
  assert.strictEqual(await provider.send("eth_getTransactionReceipt", [sent.hash]), null);
  assert.strictEqual((await provider.send("eth_getTransactionReceipt", [sent.hash])).status, "0x1");
  assert.strictEqual(await provider.send("eth_blockNumber", []), "0x3");
  await control("POST", [{ fault: "drop_reply", method: "eth_sendRawTransaction", times: 1 }]);
  const lost = await wallet.signTransaction({ ...first, nonce: nonce + 1, value: 3n });
  const plain = await fetch(url, { method: "POST", body: JSON.stringify({ id: 1, method: "eth_sendRawTransaction", params: [lost] }) })
    .then(() => "answered", () => "lost");
  assert.strictEqual(plain, "lost");
  const hash = require("ethers").keccak256(lost);
  assert.strictEqual((await provider.waitForTransaction(hash)).status, 1);
  const { fired } = await control("DELETE");
  assert.deepStrictEqual(fired, { drop_reply: 1, null_receipt: 1, stuck_at: 1 });
  console.log(`ethers drives ${profile}: transfer, token, logs, finality, refusals, faults`);
  process.exit(0);
}

main().catch((error) => { console.error(error); process.exit(1); });
