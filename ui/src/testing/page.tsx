/** A page of the console as a test sees it: drawn whole, signed in, by a node that answers as the test says. */
import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRouter, RouterProvider } from "@tanstack/react-router";
import { cleanup, render, waitFor } from "@testing-library/react";
import { vi } from "vitest";
import { CHANGES, READS } from "../api/operations.gen";
import { newClient } from "../api/queries";
import { Tips } from "../kit/tip";
import { routeTree } from "../app/router";
import { rememberSignedIn, Sessions } from "../app/session";
import { answerTo, type Mood, sampleOf } from "./fake-node";

/** What becomes of the reads of a page. */
export type Fate = Mood | "loading" | "error" | "forbidden" | "gone" | "over";

export const REASON = "Node n1 follows and shows only";
/** The dialect's refusals, candles and trades: its description is another one. */
const DIALECT = "/api/";
const MINUTE_MS = 60_000;
const candles = (mood: Mood) =>
  mood === "empty" ? [] : [2, 1].map((ago) => [Date.now() - ago * MINUTE_MS, "1.5", "2", "1", "1.75", "10"]);
const trades = (mood: Mood) =>
  mood === "empty"
    ? []
    : [2, 1].map((ago) => ({
        id: 3 - ago,
        price: "1.5",
        qty: "2",
        quoteQty: "3",
        time: Date.now() - ago * MINUTE_MS,
        isBuyerMaker: ago === 1,
      }));

const NEVER = new Promise<Response>(() => undefined);
/** On a machine that is busy with other things. */
const PATIENCE = { timeout: 15_000 };
const FAR_MS = 3_600_000;

/** Answers of a fake node to reads whose answers have to fit one another. */
const SPECIAL: Readonly<Record<string, (follows: boolean, answer: object) => object>> = {
  "/v1/session": (_, answer) => ({
    ...answer,
    name: "ada",
    must: "nothing",
    roles: ["owner"],
    permissions: [...Object.values(READS), ...Object.values(CHANGES).map(({ permission }) => permission)],
    over_at: new Date(Date.now() + FAR_MS).toISOString(),
  }),
  "/v1/status": (follows, answer) => ({
    ...answer,
    id: 1,
    node: "n1",
    health: "healthy",
    role: follows ? "follower" : "leader",
    leader_id: follows ? 2 : 1,
    leader: follows ? "n2" : "n1",
    stopped_since: null,
  }),
  "/v1/settings": (_, answer) => {
    const { settings } = answer as { settings: object[] };
    return { ...answer, settings: settings.map((one, at) => ({ ...one, places: at === 0 ? "workers" : "nowhere" })) };
  },
  // A word of its own where a page looks at it: what is decided by persons is drawn in no other state.
  "/v1/proposals/1": (_, answer) => ({ ...answer, number: 1, state: "waiting" }),
  "/v1/withdrawals/1/explain": (_, answer) => {
    const { withdrawal, payout } = answer as { withdrawal: object; payout: object };
    return {
      ...answer,
      withdrawal: { ...withdrawal, withdrawal: 1, state: "awaiting-approval" },
      payout: { ...payout, state: "stuck" },
    };
  },
  "/v1/reconciliation/discrepancies/1": (_, answer) => ({
    ...answer,
    discrepancy: 1,
    status: "open",
    scope: "address",
    class: "missed-deposit",
    gone_since: null,
  }),
  "/v1/cluster/peers": (_, answer) => {
    const { peers } = answer as { peers: object[] };
    return {
      ...answer,
      peers: peers.map((peer, at) => ({ ...peer, id: at + 1, api_address: `127.0.0.1:86${String(at + 4)}0` })),
    };
  },
};

export function json(status: number, body: unknown): Response {
  const headers = { "content-type": "application/json", "exq-age-ms": "0", "x-request-id": "request-7" };
  return new Response(JSON.stringify(body), { status, headers });
}

export const refusal = (code: string, message: string, hint: string) => ({ error: { code, message, hint } });

/** How a node refuses a read, in its own words and in the dialect's. */
const REFUSALS = {
  error: {
    status: 500,
    own: refusal("EXQ-0001", "the request failed", "look into the node's log"),
    dialect: { code: -1000, msg: "the request failed" },
  },
  forbidden: {
    status: 403,
    own: refusal("EXQ-0215", "this needs the permission some.read", "ask an owner"),
    dialect: { code: -1002, msg: "some.read" },
  },
} as const;

/** A log as it is told: what there is of it, and then nothing more until the test says that it breaks. */
function stream(mood: Mood, breaks: Set<() => void>): Response {
  const lines =
    mood === "empty" ? [] : [0, 1].map((at) => ({ ...sampleOf("WorkerLogLine", mood, at), number: at + 1, previous: at }));
  const text = lines.map((line) => `event: line\nid: ${String(line.number)}\ndata: ${JSON.stringify(line)}\n\n`);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(`: connected\n\n${text.join("")}`));
      breaks.add(() => {
        controller.close();
      });
    },
  });
  return new Response(body, { status: 200, headers: { "content-type": "text/event-stream" } });
}

export interface Shown {
  client: QueryClient;
  /** From now on reads meet this; streams end. */
  meet: (fate: Fate) => void;
  /** The paths of all requests so far. */
  asked: string[];
  /** What was written to the browser's console as a warning or an error. */
  complaints: string[];
  panels: () => HTMLElement[];
  /** The address that the page is at. */
  address: () => string;
  /** Goes to an address, as a link does, or a page back. */
  go: (to: string | -1) => void;
}

export interface Options {
  follows?: boolean;
  /** Changes what single addresses answer. */
  instead?: Readonly<Record<string, (answer: never) => object>>;
  /** Where the person was before, the last one last. */
  before?: readonly string[];
  /** Answers what it wants to, changes too; the rest is answered as `fate` says. */
  first?: (request: Request) => Promise<Response> | undefined;
}

/** Draws the page at a place and waits until each of its panels is in the state that follows from `fate`. */
export async function show(
  place: string,
  fate: Fate,
  { follows = false, instead = {}, before = [], first }: Options = {},
): Promise<Shown> {
  cleanup();
  let now = fate;
  const complaints: string[] = [];
  const asked: string[] = [];
  const breaks = new Set<() => void>();
  for (const kind of ["error", "warn"] as const) {
    vi.spyOn(console, kind).mockImplementation((...words: unknown[]) => {
      complaints.push(words.map(String).join(" "));
    });
  }
  vi.stubGlobal("scrollTo", () => undefined);
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe(): void {
        // Sizes are not drawn here.
      }
      unobserve(): void {
        // Nothing is observed.
      }
      disconnect(): void {
        // Nothing is observed.
      }
    },
  );
  vi.stubGlobal("fetch", (request: Request) => {
    // Events are never told.
    if ((request as Partial<Request>).url?.endsWith("/v1/events/stream") === true) return NEVER;
    const own = first?.(request);
    if (own !== undefined) return own;
    const { pathname } = new URL(request.url);
    const isDialect = pathname.startsWith(DIALECT);
    const isFrame = pathname === "/v1/session";
    asked.push(pathname);
    if (now === "gone") return Promise.reject(new TypeError("nobody is there"));
    if (now === "over")
      return Promise.resolve(json(401, refusal("EXQ-0212", "the session is over, or never was", "sign in again")));
    if (now === "loading" && !isFrame) return NEVER;
    if ((now === "error" || now === "forbidden") && !isFrame) {
      const { status, own, dialect } = REFUSALS[now];
      return Promise.resolve(json(status, isDialect ? dialect : own));
    }
    const mood = now === "full" || now === "empty" || now === "evil" ? now : "full";
    if (isDialect) return Promise.resolve(json(200, pathname.endsWith("/trades") ? trades(mood) : candles(mood)));
    if (pathname.endsWith("/logs/stream")) return Promise.resolve(stream(mood, breaks));
    const answer = answerTo(decodeURI(pathname), mood) as object;
    const made = SPECIAL[pathname]?.(follows, answer) ?? answer;
    return Promise.resolve(json(200, instead[pathname]?.(made as never) ?? made));
  });
  rememberSignedIn(true);
  const client = newClient(false);
  const history = createMemoryHistory({ initialEntries: [...before, place].map((one) => `/ui${one}`) });
  const router = createRouter({ routeTree, basepath: "/ui", history });
  render(
    <QueryClientProvider client={client}>
      <Sessions otherwise={() => <p>nobody is signed in</p>}>
        <RouterProvider router={router as never} />
      </Sessions>
      <Tips />
    </QueryClientProvider>,
  );
  const panels = () => [...document.querySelectorAll<HTMLElement>(".main section.panel")];
  await waitFor(() => {
    if (document.querySelector(".main h1") === null) throw new Error("the page is not there yet");
    if (now !== "loading" && document.querySelector('[aria-busy="true"]') !== null) throw new Error("it is being read");
  }, PATIENCE);
  return {
    client,
    asked,
    complaints,
    panels,
    address: () => router.state.location.href,
    go: (to) => {
      if (to === -1) history.back();
      else history.push(`/ui${to}`);
    },
    meet: (fate) => {
      now = fate;
      for (const end of breaks) end();
      breaks.clear();
    },
  };
}
