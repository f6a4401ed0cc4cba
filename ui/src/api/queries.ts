/** The client of all reads, with what holds for each unless it says otherwise. */
import { QueryClient } from "@tanstack/react-query";
import { Refused } from "./client";

/**
 * A browser that takes itself for offline is no reason to be silent: the node may be on this machine, or the browser may be wrong. Reads are
 * made all the same, and where they fail that is told.
 */
const ALWAYS = { networkMode: "always" } as const;

// A node that did not answer may answer next time; what it refused it refuses again.
const RETRY = (failures: number, error: unknown) => error instanceof Refused && error.isUnreachable && failures < 1;

export function newClient(retry: false | typeof RETRY = RETRY): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { ...ALWAYS, retry, retryDelay: 300, staleTime: 500, refetchOnReconnect: true },
      mutations: ALWAYS,
    },
  });
}
