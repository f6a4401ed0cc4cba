// A running cluster as the tests see it: its nodes, the operator token, and people who can sign in. Nothing here knows a page.
// The cluster is the demo's: EXCHEQUER_ADDRESS (the nodes' API addresses), EXCHEQUER_CACERT and EXCHEQUER_TOKEN say where it is.
import { execFileSync } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";

const needed = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests by ops/console`);
  return value;
};

export const NODES = needed("EXCHEQUER_ADDRESS").split(",");
const agent = new Agent({ ca: readFileSync(needed("EXCHEQUER_CACERT")), keepAlive: true });

/** Asks a node; answers the status and the body. */
export function ask(method, path, { body, token, at = NODES[0], headers = {} } = {}) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(`https://${at}${path}`, { method, agent, timeout: 20_000 }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => {
        const all = Buffer.concat(parts).toString();
        let parsed = all;
        if ((answer.headers["content-type"] ?? "").includes("json")) parsed = JSON.parse(all);
        resolve({ status: answer.statusCode, body: parsed });
      });
    });
    sent.on("error", reject);
    sent.on("timeout", () => sent.destroy(new Error(`${at} did not answer`)));
    if (token !== undefined) sent.setHeader("authorization", `Bearer ${token}`);
    for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value);
    if (text !== undefined) sent.setHeader("content-type", "application/json");
    sent.end(text);
  });
}

/** The same, refused by an error where the node refuses. */
export async function must(method, path, options) {
  const answer = await ask(method, path, options);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const operator = () => needed("EXCHEQUER_TOKEN");

/** As whoever holds the operator token. */
export const asOperator = (method, path, body) => must(method, path, { body, token: operator() });

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_SECONDS = 30;

/** The code of an authenticator: RFC 6238 with SHA-1, six digits, thirty seconds. */
export function totp(secret, at = Date.now()) {
  const bits = [...secret.replace(/[\s=]/g, "").toUpperCase()]
    .map((char) => ALPHABET.indexOf(char).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 1000 / STEP_SECONDS)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const offset = mac[19] & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** A code is valid once: this gives one that was not used yet. */
function codes(secret, used = "") {
  return async () => {
    while (totp(secret) === used) await new Promise((after) => setTimeout(after, 250));
    used = totp(secret);
    return used;
  };
}

/** Whoever has a one-time password takes one of their own, enrols an authenticator, and stays signed in as a program. */
async function settled(name, once) {
  const password = `own ${randomBytes(12).toString("hex")}`;
  const signed = await must("POST", "/v1/session", { body: { name, password: once, bearer: true } });
  const changed = await must("POST", "/v1/session/password", {
    token: signed.token,
    body: { password: once, new_password: password },
  });
  const begun = await must("POST", "/v1/session/second-factor", { token: changed.session.token, body: { password } });
  const code = codes(begun.secret);
  const enrolled = await must("POST", "/v1/session/second-factor/confirm", {
    token: changed.session.token,
    body: { ticket: begun.ticket, otp: await code() },
  });
  return { name, password, secret: begun.secret, code, token: enrolled.session.token };
}

/** Somebody with these roles, made by `by`: an owner, or for the first owner whoever holds the operator token. */
async function person(by, name, roles) {
  const body = { name, person: name, roles, reason: "tests of the console" };
  const made = await must("POST", "/v1/admins", { body, token: by });
  return settled(name, made.one_time_password);
}

const PEOPLE = {
  ada: ["owner"],
  sam: ["owner"],
  otto: ["operations"],
  tess: ["treasury-operator"],
  axel: ["treasury-approver"],
};
const kept = () => join(needed("EXCHEQUER_DEMO_FOLDER"), "people.json");

/** Ada and Sam, owners; Otto of operations; Tess and Axel of the treasury. Made once for all files of tests. */
export async function people() {
  if (existsSync(kept())) {
    const all = JSON.parse(readFileSync(kept(), "utf8"));
    // The code of this moment may have been used by the tests before these.
    return Object.fromEntries(all.map((one) => [one.name, { ...one, code: codes(one.secret, totp(one.secret)) }]));
  }
  const all = {};
  for (const [name, roles] of Object.entries(PEOPLE)) {
    all[name] = await person(all.ada?.token ?? needed("EXCHEQUER_TOKEN"), name, roles);
    if (name === "ada") await prepare(all.ada);
  }
  writeFileSync(kept(), JSON.stringify(Object.values(all)), { mode: 0o600 });
  return all;
}

/** Takes away the limits that a person would not meet and a test does, and has one thing wait for approval: proposal 1. */
async function prepare(by) {
  const body = { value: "60", reason: "tests sign in often" };
  await must("PUT", "/v1/settings/people.sign_ins_per_minute", { body, token: by.token });
  const admin = { name: "pia", person: "pia", roles: ["operations"], reason: "tests look at a proposal" };
  await must("POST", "/v1/admins", { body: admin, token: by.token, headers: { "exq-propose": "true" } });
}

/** What operators do at each node once keys are confirmed: the signer's own policy names who may approve payments. */
export async function pinApprovers() {
  const { keys } = await asOperator("GET", "/v1/approval-keys");
  const confirmed = keys.filter(({ state }) => state === "confirmed");
  const approvers = confirmed.map(({ number, person, public_key }) => ({ key: number, person, public: public_key }));
  const folder = needed("EXCHEQUER_DEMO_FOLDER");
  for (const node of ["n1", "n2", "n3"]) {
    const at = ["--data-dir", join(folder, node)];
    const run = (...words) => execFileSync(needed("EXCHEQUER_BIN"), ["vault", "policy", ...words, ...at], { encoding: "utf8" });
    const policy = JSON.parse(run("show", "--output", "json"));
    const file = join(folder, `signer-policy-${node}.json`);
    writeFileSync(file, JSON.stringify({ ...policy, version: policy.version + 1, approvers }), { mode: 0o600 });
    run("put", file);
  }
}

const DONE_MS = 120_000;

/** What is looked for, as soon as it is there; an error with its name where that takes too long. */
export async function until(what, look, ms = DONE_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not after ${ms} ms`);
    await new Promise((after) => setTimeout(after, 250));
  }
}

/** On the network that is quickest to its end. */
export const NETWORK = "bsc";

/** One of the demo's users who has more of the coin than anybody withdraws without being asked about it; nothing where none has yet. */
export async function seller() {
  const { users } = await asOperator("GET", "/v1/users?limit=100");
  for (const { user, label } of users.filter(({ label }) => label.startsWith(`${NETWORK} seller`))) {
    const { accounts } = await asOperator("GET", `/v1/ledger/accounts?user=${user}`);
    if (Number(accounts.find(({ asset }) => asset === "BNB")?.available ?? 0) < 2.1) continue;
    await asOperator("PATCH", `/v1/users/${user}`, { kyc_level: 3, reason: `${label} may withdraw it` });
    return user;
  }
  return null;
}

/** Asks for a withdrawal of that user's to an address that nobody knows; answers its number. */
export async function askedFor(user, name) {
  const address = `0x${randomBytes(20).toString("hex")}`;
  const body = { client_id: name, asset: "BNB", network: NETWORK, address, amount: "2.05" };
  return { ...(await asOperator("POST", `/v1/users/${user}/withdrawals`, body)), address };
}

/**
 * A withdrawal that waits for a person. The rule that holds it up is there until it was asked for, and for its network alone; it can be put
 * in place by one person as long as the two-person rule is not in force. What it holds is free again once it is rejected.
 */
export async function heldWithdrawal(name) {
  const user = await until("a user of the demo has two coins", seller);
  const path = "/v1/withdrawal-policy";
  const { rules, groups, limits, small_may_pass, version } = await asOperator("GET", path);
  const reason = "a test of the console";
  const rule = { name, verdict: "approve", usd_from: "1200", networks: [NETWORK], needs: [{ group: "treasury", count: 1 }] };
  const put = (rules, if_version) => asOperator("PUT", path, { rules, groups, limits, small_may_pass, if_version, reason });
  await put([rule, ...rules], version);
  const { withdrawal } = await askedFor(user, name);
  const state = async () => (await asOperator("GET", `/v1/withdrawals/${withdrawal}`)).state;
  await until("it waits for a person", async () => (await state()) === "awaiting-approval");
  await put(rules, version + 1);
  const free = () => asOperator("POST", `/v1/withdrawals/${withdrawal}/reject`, { reason });
  return { withdrawal, free };
}

/** A proposal that waits for others; it changes nothing, and is taken back by what is answered with its number. */
export async function waitingProposal() {
  const body = { value: "5", reason: "a test of the console" };
  const sent = { body, token: operator(), headers: { "exq-propose": "true" } };
  const { proposal } = await must("PUT", "/v1/settings/autopilot.min_quorum", sent);
  const takeBack = () => asOperator("POST", `/v1/proposals/${proposal}/revoke`, { reason: "the test is over" });
  return { proposal, takeBack };
}

/** What no cluster has without being made to: a job, a directive, a command, a transfer, a bulk run; their pages, with their titles. */
export async function furtherPlaces() {
  const reason = "tests look at its page";
  const command = randomBytes(16).toString("hex");
  const job = { queue: "tests-of-the-console", payload: "nothing", reason, command_id: command };
  const directive = { target: `balance-sync/${NETWORK}-1`, action: "reconcile", reason };
  const many = { action: "start", kind: "balance-sync", network: NETWORK };
  const { plan } = await asOperator("GET", `/v1/workers/bulk/preview?${new URLSearchParams(many)}`);
  const { bulk } = await asOperator("POST", "/v1/workers/bulk", { ...many, plan, reason });
  const [one] = (await asOperator("POST", "/v1/jobs", job)).jobs;
  const [other] = (await asOperator("POST", "/v1/directives", directive)).directives;
  const { transfer } = (await asOperator("GET", "/v1/ledger/entries?limit=1")).entries[0];
  return [
    [`/jobs/${one.job}`, `Job ${one.job}`],
    [`/directives/${other.directive}`, `Directive ${other.directive}`],
    [`/workers?bulk=${bulk}`, "Workers"],
    [`/commands/${command}`, "Command"],
    [`/ledger/transfers/${transfer}`, `Transfer ${transfer.slice(0, 8)}…${transfer.slice(-8)}`],
  ];
}

/** The address of the node that leads, as soon as one does. */
export async function leaderAddress() {
  for (;;) {
    for (const at of NODES) {
      const { status, body } = await ask("GET", "/v1/status", { token: process.env.EXCHEQUER_TOKEN, at }).catch(() => ({}));
      if (status === 200 && body.role === "leader") return at;
    }
    await new Promise((after) => setTimeout(after, 500));
  }
}
