/** Pages that no cluster has without being made to, with their titles; those that every one has are in tests/places.json. */
export const FURTHER = [
  ["/approvals/1", "Proposal 1"],
  ["/workers?bulk=1", "Workers"],
] as const;
