// Every page, with what must be on it once it has been read.
export const PLACES = [
  ["/", "Overview"],
  ["/workers", "Workers"],
  ["/workers/deposit%2Fethereum-1", "deposit/ethereum-1"],
  ["/workers/deposit%2Fethereum-1?tab=logs", "deposit/ethereum-1"],
  ["/workers/deposit%2Fethereum-1?tab=errors", "deposit/ethereum-1"],
  ["/workers/deposit%2Fethereum-1?tab=diagnosis", "deposit/ethereum-1"],
  ["/approvals", "Approvals"],
  ["/jobs", "Jobs and directives"],
  ["/jobs?tab=jobs", "Jobs and directives"],
  ["/jobs?tab=directives", "Jobs and directives"],
  ["/networks", "Networks"],
  ["/networks/ethereum", "ethereum"],
  ["/deposits", "Deposits"],
  ["/withdrawals", "Withdrawals"],
  ["/withdrawals/1", "Withdrawal 1"],
  ["/sweeps?network=polygon", "Sweeps and gas"],
  ["/reconciliation", "Reconciliation"],
  ["/ledger", "Ledger"],
  ["/ledger?tab=accounts", "Ledger"],
  ["/ledger?tab=journal", "Ledger"],
  ["/ledger?tab=verify", "Ledger"],
  ["/users", "Users"],
  ["/users/17", "User 17"],
  ["/markets", "Markets"],
  ["/markets/BTCUSDT", "BTCUSDT"],
  ["/settings", "Settings"],
  ["/settings?tab=flags", "Settings"],
  ["/settings?tab=history", "Settings"],
  ["/security", "Security"],
  ["/audit", "Audit"],
  ["/maintenance", "Maintenance and emergency"],
  ["/cluster", "Cluster"],
  ["/about", "About"],
];

/** Waits until a page has been read: its title is there and none of its panels waits for a first answer. */
export async function read(page, title) {
  await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('[aria-busy="true"]').length === 0);
}
