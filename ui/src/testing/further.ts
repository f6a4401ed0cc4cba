/** Pages that no cluster has without being made to, with their titles; those that every one has are in tests/places.json. */
export const FURTHER = [
  ["/workers?bulk=1", "Workers"],
  ["/jobs/1", "Job 1"],
  ["/directives/1", "Directive 1"],
  ["/reconciliation/1", "Discrepancy 1"],
  ["/ledger/transfers/abababababababababababababababab", "Transfer abababab…abababab"],
  ["/commands/5f0d7a6f2b3c4d5e8f901a2b3c4d5e6f", "Command"],
] as const;
