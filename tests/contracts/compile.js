// Compiles the contracts of this folder and compares with contracts.json; with --write, replaces it.
// Run by `ops/nodes --compile`, which has the compiler. For the oldest rules that every network still follows.
"use strict";
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const files = fs.readdirSync(__dirname).filter((name) => name.endsWith(".sol")).sort();
const sources = Object.fromEntries(files.map((name) => [name, { content: fs.readFileSync(path.join(__dirname, name), "utf8") }]));
const settings = {
  evmVersion: "paris",
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.methodIdentifiers"] } },
};
const made = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
const errors = (made.errors || []).filter((error) => error.severity === "error");
if (errors.length > 0) {
  for (const error of errors) console.error(error.formattedMessage);
  process.exit(1);
}
const contracts = {};
for (const file of files) {
  for (const [name, contract] of Object.entries(made.contracts[file])) {
    const { bytecode, methodIdentifiers } = contract.evm;
    contracts[name] = { abi: contract.abi, bytecode: "0x" + bytecode.object, methods: methodIdentifiers };
  }
}
const text = JSON.stringify({ compiler: solc.version(), contracts }, null, 1) + "\n";
const target = path.join(__dirname, "contracts.json");
if (process.argv.includes("--write")) {
  fs.writeFileSync(target, text);
  console.log(`${Object.keys(contracts).length} contracts written`);
} else if (!fs.existsSync(target) || fs.readFileSync(target, "utf8") !== text) {
  console.error("tests/contracts/contracts.json is not what its sources compile to: node compile.js --write");
  process.exit(1);
} else {
  console.log(`${Object.keys(contracts).length} contracts compile to what is committed`);
}
