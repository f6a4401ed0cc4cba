/** The series that a node keeps of the last day, as they are chosen and headed. */
export const TITLES = {
  entries_applied: "Entries applied",
  entries_behind: "Entries committed and not applied",
  state_age_ms: "Age of the node's state",
  voters_heard: "Voters heard of",
  disk_free_bytes: "Free on the node's disk",
  resident_bytes: "Memory of the node's process",
  workers_wanted: "Workers that shall run",
  workers_running: "Workers that run",
  workers_degraded: "Workers that run degraded",
  workers_failed: "Workers that have failed",
  jobs_done_per_minute: "Jobs done a minute",
  jobs_available: "Jobs that may be taken",
  jobs_waiting: "Jobs that wait",
  jobs_dead: "Jobs in the dead letter",
  markets_trading: "Markets that trade",
  orders_open: "Open orders",
  smallest_address_pool: "Addresses in the smallest pool",
  withdrawals_open: "Withdrawals that are open",
  withdrawals_for_people: "Withdrawals that wait for people",
  deposits_in_suspense: "Deposits in suspense",
  discrepancies_open: "Open discrepancies",
  matters_open: "Matters of money that are open",
  proposals_open: "Proposals that wait",
  admin_sessions: "Sessions of admins",
  admin_sign_ins_failed: "Failed sign-ins of admins",
  admins_locked: "Admins who are locked out",
  traded_24h: "Traded in 24 h",
  fees: "Fees earned, ever",
} as const;
export type SeriesName = keyof typeof TITLES;

export function seriesOf(text: string | undefined): SeriesName | undefined {
  return text !== undefined && Object.hasOwn(TITLES, text) ? (text as SeriesName) : undefined;
}

/** Every minute of a day. */
const MINUTES = 1_440;
/** Of amounts there are as many lines as assets, and a node answers so many points at once: every second minute. */
const POINTS: Partial<Record<SeriesName, number>> = { traded_24h: 720, fees: 720 };

export function pointsOf(series: SeriesName): number {
  return POINTS[series] ?? MINUTES;
}
