import { waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { onRefused } from "../api/client";
import { answerWith, dialog, fill, isClosed, made, noting, press } from "../testing/deeds";
import { json, show, type Options } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const PLACE = "/markets/BTCUSDT";
const panel = (title: string) => document.querySelector<HTMLElement>(`section[aria-label="${title}"]`) as HTMLElement;
const rows = (root: Element) =>
  [...root.querySelectorAll("tbody tr")].map((row) => [...row.children].map((one) => one.textContent));

/** The page, where some addresses are answered so. */
const market = (answers: Readonly<Record<string, () => Promise<Response>>>, options: Options = {}) =>
  show(PLACE, "full", {
    ...options,
    first: (request) => answers[new URL(request.url).pathname]?.() ?? options.first?.(request),
  });

describe("the book", () => {
  const book = (bids: [string, string][], asks: [string, string][]) => {
    const levels = (all: [string, string][]) => all.map(([price, quantity]) => ({ price, quantity, orders: 1 }));
    return market({
      "/v1/markets/BTCUSDT/book": () => answerWith("/v1/markets/BTCUSDT/book", { bids: levels(bids), asks: levels(asks) }),
      "/v1/markets/BTCUSDT": () => answerWith("/v1/markets/BTCUSDT", { base: "BTC" }),
    });
  };

  // Goal: what there is up to a price is exact. Method: quantities whose sum no floating-point number has.
  it("sums up to each price, to the last digit", async () => {
    await book(
      [
        ["10", "0.1"],
        ["9", "0.2"],
        ["8", "9007199254740993"],
      ],
      [["11", "4"]],
    );
    const [bids, asks] = panel("Book").querySelectorAll("table");
    expect(rows(bids as Element).map((row) => row[2])).toEqual([
      "0.1",
      "0.3",
      "9\u202f007\u202f199\u202f254\u202f740\u202f993.3",
    ]);
    expect(rows(asks as Element).map((row) => row[2])).toEqual(["4"]);
  });

  // Goal: who does not see the drawing is told what it shows. Method: a book with both sides, and one without asks.
  it("says in words how deep it is", async () => {
    await book(
      [
        ["10", "0.5"],
        ["9", "1"],
      ],
      [["11", "4"]],
    );
    const words = () => panel("Book").querySelector("svg")?.getAttribute("aria-label");
    await waitFor(() => expect(words()).toContain("bids of 1.5 BTC from 10 to 9; asks of 4 BTC from 11 to 11."));
    expect(panel("Book").querySelector("figcaption")?.textContent).toContain("bids of 1.5 BTC from 10 to 9");
    await book([["10", "0.5"]], []);
    await waitFor(() => expect(words()).toContain("bids of 0.5 BTC from 10 to 10; no asks."));
  });
});

// Goal: who came second is told right, and the newest stands first. Method: two trades as the public API gives them, the oldest first.
it("shows the latest trades", async () => {
  const trade = { price: "2", qty: "3", quoteQty: "6" };
  const all = [
    { ...trade, id: 7, time: Date.now() - 60_000, isBuyerMaker: true },
    { ...trade, id: 8, time: Date.now() - 5_000, isBuyerMaker: false },
  ];
  await market({ "/api/v3/trades": () => Promise.resolve(json(200, all)) });
  expect(rows(panel("Recent trades")).map((row) => [row[0], row[2], row[3], row[4], row[5]])).toEqual([
    ["8", "bought", "2", "3", "6"],
    ["7", "sold", "2", "3", "6"],
  ]);
});

describe("what the public API says", () => {
  // Goal: a node that lags does not show as present what is old. Method: a node that says that it is two minutes behind; the public API says
  // nothing of it.
  it("is as old as the node says that it is", async () => {
    const status = async () => {
      const answer = await answerWith("/v1/status", { id: 1, node: "n1", leader_id: 1, health: "healthy" });
      answer.headers.set("exq-age-ms", "120000");
      return answer;
    };
    await market({ "/v1/status": status });
    for (const title of ["Candles", "Recent trades"])
      await waitFor(() => expect(panel(title).querySelector(".age")?.textContent).toContain("2 min"));
  });

  // Goal: a session that is over and a node that is gone are noticed there as everywhere. Method: refusals, and whoever listens to them.
  it("tells its refusals to whoever listens", async () => {
    const heard: string[] = [];
    const stop = onRefused(({ status, message }) => heard.push(`${String(status)} ${message}`));
    await market({ "/api/v3/trades": () => Promise.resolve(json(500, { code: -1000, msg: "no trades" })) });
    await waitFor(() => expect(heard).toContain("500 The trades could not be read: no trades"));
    await market({ "/api/v3/trades": () => Promise.reject(new TypeError("failed to fetch")) });
    await waitFor(() => expect(heard).toContain("0 The node cannot be reached."));
    await market({ "/api/v3/trades": () => Promise.reject(new DOMException("it took too long", "TimeoutError")) });
    await waitFor(() => expect(heard).toContain("0 The node did not answer in time."));
    stop();
  });
});

describe("limits", () => {
  const PRESENT = {
    price_min: "1",
    price_max: "100",
    orders_max: 200,
    stops_max: 5,
    bid_percent: { lowest_ppm: 200_000, highest_ppm: 5_000_000 },
  };
  const limited = async () => {
    const { sent, first } = noting(made);
    await market(
      {
        "/v1/markets/BTCUSDT": () =>
          answerWith("/v1/markets/BTCUSDT", { filters: PRESENT, symbol: "BTCUSDT", reference: null }),
      },
      { first },
    );
    return sent;
  };

  // Goal: a change names what it changes and nothing else, and is shown before it is made. Method: two of many limits, one of them an
  // end of a range.
  it("are changed alone, after a look at the difference", async () => {
    const sent = await limited();
    await press("Change limits");
    expect(dialog().querySelector('[type="submit"]')?.getAttribute("aria-disabled")).toBe("true");
    fill("Highest price", "250.5");
    fill("Lowest bid, in millionths of the reference", "300000");
    const removed = [...dialog().querySelectorAll("del")].map((one) => one.textContent);
    const added = [...dialog().querySelectorAll("ins")].map((one) => one.textContent);
    expect([removed, added]).toEqual([
      ["100", "200000"],
      ["250.5", "300000"],
    ]);
    fill("Reason", "wider");
    await press("Change limits", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ path, body }) => [path, body["filters"], body["reason"]])).toEqual([
      [
        "/v1/markets/BTCUSDT/configure",
        { price_max: "250.5", bid_percent: { lowest_ppm: 300_000, highest_ppm: 5_000_000 } },
        "wider",
      ],
    ]);
  });

  // Goal: what the node would leave as it is does not look as if it were lifted; half a range is none. Method: an emptied field, and
  // one end of a range that is not there.
  it("are held back where they would not be what they look like", async () => {
    await limited();
    await press("Change limits");
    fill("Reason", "wider");
    const told = () => {
      const button = dialog().querySelector('[type="submit"]');
      return document.getElementById(button?.getAttribute("aria-describedby") ?? "")?.textContent;
    };
    fill("Highest price", "");
    expect(told()).toContain("what is left empty stays");
    fill("Highest price", "100");
    expect(told()).toContain("Nothing is changed yet.");
    fill("Lowest ask, in millionths of the reference", "5");
    expect(told()).toContain("a lowest and a highest end");
  });
});

describe("the breaker", () => {
  // Goal: what is sent is what is shown, and undoes nobody's change. Method: one of its three values is changed here, another one by somebody
  // else meanwhile.
  it("shows all that is sent, and is held back where it has changed", async () => {
    const breaker = { band_ppm: 50_000, pause: "5m", auction: "1m" };
    const { sent, first } = noting(made);
    const shown = await market(
      { "/v1/markets/BTCUSDT": () => answerWith("/v1/markets/BTCUSDT", { breaker, symbol: "BTCUSDT" }) },
      { first },
    );
    await press("Change the breaker");
    fill("Pause", "7m");
    fill("Reason", "calmer");
    for (const part of ["7m", "50000 is sent with it", "1m is sent with it"]) expect(dialog().textContent).toContain(part);
    const send = () => dialog().querySelector('[type="submit"]');
    expect(send()?.getAttribute("aria-disabled")).toBeNull();
    breaker.auction = "9m";
    await shown.client.refetchQueries({ queryKey: ["/v1/markets/{symbol}"] });
    await waitFor(() => expect(send()?.getAttribute("aria-disabled")).toBe("true"));
    expect(sent).toEqual([]);
  });
});

describe("the orders of a user", () => {
  const cancelling = async (orders: object[]) => {
    const { sent, first } = noting(() => json(200, { orders, fills: [], index: 1, command_id: "1" }));
    await market({ "/v1/orders": () => Promise.resolve(json(200, { orders })) }, { first });
    await press("Cancel a user's orders");
    fill("User", "17");
    return sent;
  };

  // Goal: it is told how many orders go before they do, of the side that is chosen. Method: a user with three of them.
  it("are counted before they are cancelled", async () => {
    const sent = await cancelling([{ side: "buy" }, { side: "buy" }, { side: "sell" }]);
    await waitFor(() => expect(dialog().textContent).toContain("User 17 has 3 open orders in BTCUSDT"));
    fill("Side", "buy");
    expect(dialog().textContent).toContain("User 17 has 2 open buy orders in BTCUSDT");
    fill(/^Type/, "orders of user 17 in BTCUSDT");
    await press("Cancel a user's orders", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ path, body }) => [path, body["user"], body["market"], body["side"]])).toEqual([
      ["/v1/orders/cancel-all", 17, "BTCUSDT", "buy"],
    ]);
  });

  // Goal: a page of them is not told as all. Method: as many as the API gives at once.
  it("are told as at least so many where there may be more", async () => {
    await cancelling(Array.from({ length: 100 }, () => ({ side: "buy" })));
    await waitFor(() => expect(dialog().textContent).toContain("User 17 has at least 100 open orders"));
  });
});
