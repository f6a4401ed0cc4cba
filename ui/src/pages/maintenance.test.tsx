import { waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerWith, dialog, fill, FRESH, isClosed, made, noting, press } from "../testing/deeds";
import { show } from "../testing/page";
import { here } from "./maintenance-plan";

afterEach(() => vi.unstubAllGlobals());

const DAY_MS = 86_400_000;
/** A moment as a field for times without a zone holds it. */
const field = (at: number) => new Date(at).toISOString().slice(0, 19);
/** Whole seconds, some days from now. */
const days = (count: number) => Math.floor((Date.now() + count * DAY_MS) / 1_000) * 1_000;

const planning = async () => {
  const { sent, first } = noting(made);
  await show("/maintenance", "full", { first, instead: FRESH });
  await press("Maintenance of a network");
  fill("Network", "tron");
  fill("Customers are told", "back at noon");
  fill("Reason", "an upgrade");
  fill(/^Type/, "tron");
  return sent;
};
const told = () => {
  const button = dialog().querySelector('[type="submit"]');
  return document.getElementById(button?.getAttribute("aria-describedby") ?? "")?.textContent;
};
const content = (body: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(body).filter(([name]) => name !== "command_id"));

describe("planned maintenance", () => {
  // Goal: what is planned in UTC is what is sent, and what it is where the browser is stands beside it. Method: a window of a day.
  it("is sent in UTC, and told in the browser's time too", async () => {
    const sent = await planning();
    const [from, to] = [days(1), days(2)];
    fill("Begins (UTC)", field(from));
    fill("Ends (UTC)", field(to));
    expect(dialog().textContent).toContain(`${here(from)} here`);
    expect(dialog().textContent).toContain(`From ${field(from).replace("T", " ")} UTC to ${field(to).replace("T", " ")} UTC`);
    await press("Maintenance of a network", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ path, body }) => [path, content(body)])).toEqual([
      [
        "/v1/maintenance/networks/tron",
        {
          banner: "back at noon",
          reason: "an upgrade",
          starts_at: new Date(from).toISOString(),
          ends_at: new Date(to).toISOString(),
        },
      ],
    ]);
  });

  // Goal: where nothing is said of when, it is now and for as long as somebody wants. Method: both fields are left empty.
  it("begins at once where nothing is said", async () => {
    const sent = await planning();
    expect(dialog().textContent).toContain("At once, until somebody ends it");
    await press("Maintenance of a network", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(sent.map(({ body }) => content(body))).toEqual([{ banner: "back at noon", reason: "an upgrade" }]);
  });

  // Goal: a window that the node refuses is not sent. Method: one that begins in the past, and one that ends before it begins.
  it("is held back where it cannot be", async () => {
    await planning();
    fill("Begins (UTC)", field(days(-1)));
    expect(told()).toContain("begins in the past");
    fill("Begins (UTC)", field(days(2)));
    fill("Ends (UTC)", field(days(1)));
    expect(told()).toContain("ends before it begins");
    fill("Ends (UTC)", field(days(3)));
    expect(told()).toBeUndefined();
  });

  // Goal: a window in the list says when it is in UTC. Method: one that is announced.
  it("is listed in UTC", async () => {
    const at = days(1);
    await show("/maintenance", "full", {
      first: (request) =>
        request.url.endsWith("/v1/maintenance")
          ? answerWith("/v1/maintenance", {
              windows: [
                {
                  number: 1,
                  extent: "tron",
                  open: false,
                  starts_at: new Date(at).toISOString(),
                  ends_at: null,
                  banner: "",
                  reason: "",
                  by: "",
                },
              ],
            })
          : undefined,
    });
    const cell = document.querySelector(`time[datetime="${new Date(at).toISOString()}"]`)?.textContent;
    expect(cell).toContain(`${field(at).replace("T", " ")} UTC`);
    expect(cell).toContain(here(at));
  });
});
