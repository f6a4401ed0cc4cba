/** The pages, as the navigation, the keyboard and the palette list them. A page without its permission is not listed. */
export interface PageEntry {
  to: string;
  title: string;
  group: "Now" | "Money" | "Trading" | "House";
  /** The permission that its main read wants. */
  permission: string;
  /** The letter after `g`. */
  key: string;
  /** Further words that the palette finds it by. */
  words: string;
}

export const PAGES: readonly PageEntry[] = [
  { to: "/", title: "Overview", group: "Now", permission: "status.read", key: "o", words: "home dashboard health" },
  {
    to: "/history",
    title: "History",
    group: "Now",
    permission: "status.read",
    key: "y",
    words: "last day chart trend figures series past",
  },
  {
    to: "/workers",
    title: "Workers",
    group: "Now",
    permission: "workers.read",
    key: "w",
    words: "processes restart stop start logs",
  },
  {
    to: "/approvals",
    title: "Approvals",
    group: "Now",
    permission: "approvals.read",
    key: "a",
    words: "inbox proposals consent withdrawals waiting",
  },
  { to: "/jobs", title: "Jobs", group: "Now", permission: "workers.read", key: "j", words: "queues directives commands" },
  {
    to: "/networks",
    title: "Networks",
    group: "Money",
    permission: "configuration.read",
    key: "n",
    words: "chains height switch endpoints",
  },
  {
    to: "/deposits",
    title: "Deposits",
    group: "Money",
    permission: "users.read",
    key: "d",
    words: "in credit explain suspense",
  },
  {
    to: "/withdrawals",
    title: "Withdrawals",
    group: "Money",
    permission: "users.read",
    key: "p",
    words: "payouts out pay stuck",
  },
  {
    to: "/sweeps",
    title: "Sweeps and gas",
    group: "Money",
    permission: "users.read",
    key: "g",
    words: "consolidation top-up holdings",
  },
  {
    to: "/reconciliation",
    title: "Reconciliation",
    group: "Money",
    permission: "status.read",
    key: "r",
    words: "balance equations discrepancies",
  },
  {
    to: "/ledger",
    title: "Ledger",
    group: "Money",
    permission: "ledger.read",
    key: "l",
    words: "books accounts journal trial balance",
  },
  { to: "/users", title: "Users", group: "Money", permission: "users.read", key: "u", words: "customers freeze" },
  {
    to: "/markets",
    title: "Markets",
    group: "Trading",
    permission: "markets.read",
    key: "t",
    words: "candles book trades phase",
  },
  {
    to: "/settings",
    title: "Settings",
    group: "House",
    permission: "configuration.read",
    key: "s",
    words: "flags configuration history revert",
  },
  {
    to: "/security",
    title: "Security",
    group: "House",
    permission: "status.read",
    key: "k",
    words: "admins sessions keys roles sign out",
  },
  { to: "/audit", title: "Audit", group: "House", permission: "audit.read", key: "h", words: "records history who" },
  {
    to: "/maintenance",
    title: "Maintenance",
    group: "House",
    permission: "status.read",
    key: "m",
    words: "emergency stop resume window",
  },
  { to: "/cluster", title: "Cluster", group: "House", permission: "status.read", key: "c", words: "nodes raft leader members" },
  { to: "/about", title: "About", group: "House", permission: "status.read", key: "b", words: "version licence" },
];
