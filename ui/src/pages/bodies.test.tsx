import { fireEvent, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import PLACES from "../../tests/places.json";
import { dialog, noting } from "../testing/deeds";
import { answerToChange, wrongWith } from "../testing/fake-node";
import FURTHER from "../../tests/further.json";
import { json, show } from "../testing/page";

/** What is signed has tests of its own. */
const SIGNED = ["/approvals/1"];
const ALL = [...(PLACES as [string, string][]), ...(FURTHER as [string, string][])]
  .map(([place]) => ({ place }))
  .filter(({ place }) => !SIGNED.includes(place));
/** What is filled in where a text would not do, or another one is asked for. */
const GIVEN: Readonly<Record<string, string>> = {
  Value: "7s",
  "Confirmations to withdraw": "9",
  Endpoints: "https://node.example/secret:key",
  Expires: "2026-12-31T00:00:00Z",
  "Highest price": "98765.5",
  Pause: "7m",
  "Reference price": "77",
  User: "17",
  Amount: "1.5",
  Asset: "BTC",
};

/** The second factor was shown just now. */
const SHOWN_UNTIL = new Date(Date.now() + 3_600_000).toISOString();

/** What some changes answer once, and is kept by a button and no other way. */
const SHOWN_ONCE = { recovery_codes: ["a code"], one_time_password: "a password", secret: "a secret", uri: "otpauth://x" };

afterEach(() => vi.unstubAllGlobals());

/** Fills in whatever a dialog still asks for, and presses its button. */
function fillIn(): void {
  const within_ = dialog();
  for (const field of within_.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>("input, textarea")) {
    const label = field.labels?.[0]?.textContent ?? "";
    const typed = /^Type “(.*)” to confirm$/.exec(label);
    const value = typed !== null ? (typed[1] ?? "") : (GIVEN[label] ?? (field.value === "" ? "some-text" : field.value));
    fireEvent.change(field, { target: { value } });
  }
  for (const field of within_.querySelectorAll("select")) {
    const other = [...field.options].find(({ value }) => value !== field.value);
    if (other !== undefined) fireEvent.change(field, { target: { value: other.value } });
  }
  // The choice may be what has to be typed.
  for (const field of within_.querySelectorAll<HTMLInputElement>("input")) {
    const typed = /^Type “(.*)” to confirm$/.exec(field.labels?.[0]?.textContent ?? "");
    if (typed !== null) fireEvent.change(field, { target: { value: typed[1] } });
  }
}

describe.each(ALL)("$place", ({ place }) => {
  // Goal: what a page sends is what the API takes, for each change of each page. Method: each button is pressed and its dialog filled
  // in; what is sent is held to the description, which knows every field and knows no others.
  it("sends what the API takes", async () => {
    const { sent, first } = noting(({ method, path }) => json(200, { ...SHOWN_ONCE, ...answerToChange(method, path) }));
    const instead = { "/v1/session": (who: object) => ({ ...who, stepped_up_until: SHOWN_UNTIL }) };
    await show(place, "full", { first, instead });
    const buttons = () => [...document.querySelectorAll<HTMLElement>(".main [data-change]:not([aria-disabled])")];
    const kinds = [...new Set(buttons().map((one) => `${String(one.dataset["change"])} ${one.textContent}`))];
    for (const kind of kinds) {
      const button = buttons().find((one) => `${String(one.dataset["change"])} ${one.textContent}` === kind);
      if (button === undefined) continue;
      const before = sent.length;
      fireEvent.click(button);
      await waitFor(() => dialog());
      fillIn();
      const send = dialog().querySelector<HTMLElement>('button[type="submit"]');
      if (send !== null) {
        await waitFor(() => expect(within(dialog()).queryByText(/^Give another|^Choose another|is being read\.$/)).toBeNull());
        fireEvent.click(dialog().querySelector('button[type="submit"]') as Element);
        await waitFor(() => {
          if (sent.length === before)
            throw new Error(
              `${kind} sends nothing: ${document.querySelector('[role="dialog"]:last-of-type')?.textContent ?? ""}`,
            );
        });
      }
      fireEvent.keyDown(document.activeElement ?? document.body, { key: "Escape" });
      await waitFor(() => {
        const buttons = [...document.querySelectorAll<HTMLElement>('[role="dialog"] button')];
        buttons.find((one) => one.textContent === "It is kept")?.click();
        expect(document.querySelector('[role="dialog"]')).toBeNull();
      });
    }
    expect(sent.flatMap(({ method, path, body }) => wrongWith(method, path, body))).toEqual([]);
  });
});
