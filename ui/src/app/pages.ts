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
    words: "inbox proposals consent",
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
  {
    to: "/maintenance",
    title: "Maintenance",
    group: "House",
    permission: "status.read",
    key: "m",
    words: "emergency stop resume window",
  },
  { to: "/cluster", title: "Cluster", group: "House", permission: "status.read", key: "c", words: "nodes raft leader members" },
];
