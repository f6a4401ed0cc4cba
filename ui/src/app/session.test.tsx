import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerTo } from "../testing/fake-node";
import { noting, press } from "../testing/deeds";
import { clearToasts, toast } from "../kit/toast";
import { json, refusal, show } from "../testing/page";
import { SESSION_KEY } from "./session";

beforeEach(() => {
  window.localStorage.clear();
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  window.history.replaceState(null, "", "/");
});

const SHARED = "exchequer.attention";
const HINT = "exchequer.signed-in";
const text = () => document.body.textContent;

describe("signing out", () => {
  // Goal: nobody leaves a browser that is signed in still. Method: a node that does not do it, and one that cannot be reached.
  it.each([
    ["refuses", () => json(503, refusal("EXQ-0101", "no leader has a majority", ""))],
    ["is gone", () => Promise.reject<Response>(new TypeError("failed to fetch"))],
  ])("says that one is signed in still where the node %s", async (_, answer) => {
    const { sent, first } = noting(answer);
    await show("/about", "full", { first });
    await press("Sign out");
    await waitFor(() => expect(text()).toContain("You are still signed in"));
    expect(document.querySelector(".main")).toBeNull();
    expect(window.localStorage.getItem(HINT)).not.toBeNull();
    await press("Sign out again");
    await waitFor(() => expect(sent.length).toBe(2));
  });

  it.each([
    ["did it", 200],
    ["knows of no session", 401],
  ])("is over where the node %s", async (_, status) => {
    const { sent, first } = noting(() => json(status, refusal("EXQ-0201", "nobody is signed in", "")));
    const nobody = () => Promise.resolve(json(401, refusal("EXQ-0201", "nobody is signed in", "")));
    await show("/about", "full", { first: (request) => first(request) ?? (sent.length > 0 ? nobody() : undefined) });
    await press("Sign out");
    await waitFor(() => expect(window.localStorage.getItem(HINT)).toBeNull());
    expect(text()).not.toContain("You are still signed in");
  });
});

describe("a window that nobody uses", () => {
  // Somebody did something just now, and nothing since.
  beforeEach(() => window.localStorage.setItem(SHARED, String(Date.now())));
  const IDLE_MS = 1_500;
  /** A session that lasts so long from each time that it is read. */
  const instead = (session: () => string) => ({
    "/v1/session": (answer: object) => ({
      ...answer,
      session: session(),
      over_at: new Date(Date.now() + IDLE_MS).toISOString(),
    }),
  });

  // Goal: it ends. Method: nobody does anything, here or elsewhere.
  it("signs out", async () => {
    const { sent, first } = noting(() => json(200, {}));
    await show("/about", "full", { first, instead: instead(() => "one") });
    await waitFor(() => expect(sent.map(({ method }) => method)).toContain("DELETE"), { timeout: 8_000 });
    await waitFor(() => expect(window.localStorage.getItem(HINT)).toBeNull());
  });

  // Goal: it does not end the session of a window that is used. Method: another one of the same node is, when this one's time is over.
  it("does not sign out another one that is used", async () => {
    let read = 0;
    const { sent, first } = noting(() => json(200, {}));
    const using = window.setInterval(() => window.localStorage.setItem(SHARED, String(Date.now())), 50);
    const session = () => {
      read += 1;
      return "one";
    };
    await show("/about", "full", { first, instead: instead(session) });
    await waitFor(() => expect(read).toBeGreaterThan(3), { timeout: 15_000 });
    window.clearInterval(using);
    expect(sent).toEqual([]);
  });

  // Goal: whoever signed in meanwhile is not signed out for the former one's idleness. Method: the session is another one by then.
  it("does not sign out somebody else", async () => {
    let read = 0;
    const { sent, first } = noting(() => json(200, {}));
    const session = () => {
      read += 1;
      return String(read);
    };
    await show("/about", "full", { first, instead: instead(session) });
    await waitFor(() => expect(read).toBeGreaterThan(3), { timeout: 15_000 });
    expect(sent).toEqual([]);
  });
}, 20_000);

// Goal: what one person was told is not told to the next one, and stays for the same. Method: a session of one person, read again, and then of
// another.
it("takes away what was told to somebody else", async () => {
  let name = "ada";
  const { client } = await show("/about", "full", { instead: { "/v1/session": (answer: object) => ({ ...answer, name }) } });
  act(() => toast("Stopped: deposit/tron-1.", "bad"));
  await act(() => client.invalidateQueries({ queryKey: SESSION_KEY }));
  expect(text()).toContain("Stopped: deposit/tron-1.");
  name = "sam";
  await act(() => client.invalidateQueries({ queryKey: SESSION_KEY }));
  await waitFor(() => expect(text()).toContain("sam"));
  expect(text()).not.toContain("Stopped: deposit/tron-1.");
});

// Goal: whoever has no mouse gets to what was told. Method: its key, on a page and where something is typed.
it("has a key to what was told", async () => {
  await show("/about", "full");
  act(() => toast("It was refused.", "bad"));
  fireEvent.keyDown(document.querySelector("select") ?? document.body, { key: "t" });
  expect(document.activeElement?.textContent).not.toBe("Dismiss");
  fireEvent.keyDown(document.body, { key: "t" });
  expect(document.activeElement?.textContent).toBe("Dismiss");
  act(clearToasts);
});

describe("a page that was come to from another node", () => {
  /** The console as it is loaded at an address, by a browser that does not know this node. */
  const loaded = async (address: string) => {
    window.history.replaceState(null, "", address);
    vi.resetModules();
    const { Sessions } = await import("./session");
    const asked: string[] = [];
    const far = new Date(Date.now() + 3_600_000).toISOString();
    vi.stubGlobal("fetch", (request: Request) => {
      asked.push(new URL(request.url).pathname);
      const answer = { ...(answerTo("/v1/session", "full") as object), must: "nothing", over_at: far };
      return Promise.resolve(json(200, answer));
    });
    render(
      <QueryClientProvider client={new QueryClient()}>
        <Sessions otherwise={() => <p>nobody is signed in</p>}>
          <p>somebody is</p>
        </Sessions>
      </QueryClientProvider>,
    );
    return asked;
  };

  // Goal: a sign-in that holds at the other node as well is not asked for again. Method: a page with and without the mark.
  it("asks the node once who is signed in", async () => {
    const asked = await loaded("/ui/workers?came=1&moved=1&kind=deposit");
    await waitFor(() => expect(text()).toContain("somebody is"));
    expect(asked).toEqual(["/v1/session"]);
    expect(window.location.search).toBe("?moved=1&kind=deposit");
  });

  it("asks nothing otherwise", async () => {
    const asked = await loaded("/ui/workers");
    await waitFor(() => expect(text()).toContain("nobody is signed in"));
    expect(asked).toEqual([]);
  });
});

// Goal: the other node's page knows where it was come from. Method: the address that it is gone to.
it("marks the address of another node", async () => {
  const { hrefAt } = await import("./elsewhere");
  window.history.replaceState(null, "", "/ui/workers?kind=deposit&moved=1#x");
  expect(hrefAt("10.0.0.2:8640")).toBe("https://10.0.0.2:8640/ui/workers?kind=deposit&came=1#x");
});
