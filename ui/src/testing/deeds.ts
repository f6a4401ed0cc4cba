/** What a person does with a page, and what the page sends of it. */
import { configure, fireEvent, waitFor, within } from "@testing-library/react";
import { answerTo } from "./fake-node";
import { json, type Options } from "./page";

// On a machine that is busy with other things.
configure({ asyncUtilTimeout: 10_000 });

/** The dialog that was opened last. */
export function dialog(): HTMLElement {
  const all = document.querySelectorAll<HTMLElement>('[role="dialog"]');
  const last = all[all.length - 1];
  if (last === undefined) throw new Error("no dialog is open");
  return last;
}

export const isClosed = () => document.querySelector('[role="dialog"]') === null;

/** Presses a button, the first of that name. */
export async function press(name: string, where?: () => HTMLElement): Promise<void> {
  const button = await waitFor(() => {
    const root = where === undefined ? document.body : where();
    const found = within(root).getAllByRole("button", { name, hidden: true })[0];
    if (found?.getAttribute("aria-disabled") === "true") throw new Error(`${name} is held back: ${found.outerHTML}`);
    return found;
  });
  if (button !== undefined) fireEvent.click(button);
}

export function fill(label: RegExp | string, value: string): void {
  fireEvent.change(within(dialog()).getByLabelText(label), { target: { value } });
}

export interface Sent {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

/** A node that notes each change it is sent and answers it as `answer` says; what it answers reads with is the rest's. */
export function noting(answer: (sent: Sent) => Response | Promise<Response>): {
  sent: Sent[];
  first: NonNullable<Options["first"]>;
} {
  const sent: Sent[] = [];
  return {
    sent,
    first: (request) => {
      if (request.method === "GET") return undefined;
      const path = decodeURIComponent(new URL(request.url).pathname);
      return request.text().then((text) => {
        const one = { method: request.method, path, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
        sent.push(one);
        return answer(one);
      });
    },
  };
}

/** An answer to a change that was made. */
export const made = () => json(200, {});

/** What a read of an address is answered with, and this instead of parts of it. */
export function answerWith(address: string, parts: object): Promise<Response> {
  return Promise.resolve(json(200, { ...(answerTo(address, "full") as object), ...parts }));
}

/** A session whose second factor was shown just now. */
export const FRESH = {
  "/v1/session": (answer: object) => ({ ...answer, stepped_up_until: new Date(Date.now() + 600_000).toISOString() }),
};
