import { waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { answerWith, dialog, fill, FRESH, noting, press } from "../testing/deeds";
import { json, type Options, refusal, show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const KEY = "worker.drain_deadline";
const SETTING = { key: KEY, value: "30s", from: KEY, is_default: false, choices: [], overrides: [] };

// Goal: nothing is sent of which nobody could know yet what it would come to. Method: each change that is looked at before it is sent, with
// all else filled in, at a node that takes its time with the look, then cannot make it, then does.
it.each([
  ["Change", `/settings?key=${KEY}`, "/v1/settings/preview", KEY, ["Value", "45s"]],
  ["Unset", `/settings?key=${KEY}`, "/v1/settings/preview", KEY, null],
  ["Back to before this", "/settings?tab=history", "/v1/settings/diff", "revision 11", null],
  ["Send a directive", "/jobs?tab=directives", "/v1/workers/selftest/1", "selftest/1", ["Worker", "selftest/1"]],
] as const)("%s waits for what it would come to", async (label, place, path, typed, given) => {
  const asked: string[] = [];
  let answer: (of: Response) => void = () => undefined;
  const { sent, first } = noting(() => json(200, { directives: [], index: 1 }));
  const node: NonNullable<Options["first"]> = (request) => {
    const { pathname } = new URL(request.url);
    if (decodeURIComponent(pathname) === path) {
      asked.push(pathname);
      return new Promise<Response>((resolve) => (answer = resolve));
    }
    if (pathname === `/v1/settings/${KEY}`) return answerWith(pathname, SETTING);
    if (pathname === "/v1/settings/history") {
      const change = { revision: 12, key: KEY, from: "20s", to: "30s", by: "ada", reason: "", at: new Date().toISOString() };
      return answerWith(pathname, { revision: 12, changes: [change], next_before: null });
    }
    return first(request);
  };
  const shown = await show(place, "full", { instead: FRESH, first: node });
  await press(label);
  if (given !== null) fill(given[0], given[1]);
  fill("Reason", "a test");
  if (dialog().textContent.includes("Type “"))
    fill(/^Type /, dialog().textContent.includes("Type “i know") ? "i know what this does" : typed);
  const why = () => {
    const button = dialog().querySelector('[type="submit"]');
    return document.getElementById(button?.getAttribute("aria-describedby") ?? "")?.textContent;
  };
  await waitFor(() => expect(why()).toBe("What it would come to is being read."));
  answer(json(500, refusal("EXQ-0001", "the request failed", "look into the log")));
  await waitFor(() => expect(why()).toContain("could not be read: the request failed look into the log"));
  expect(sent).toEqual([]);
  void shown.client.refetchQueries({ predicate: ({ state }) => state.status === "error" });
  await waitFor(() => expect(asked).toHaveLength(2));
  answer(await answerWith(asked[1] ?? "", {}));
  await waitFor(() => expect(why()).toBeUndefined());
});
