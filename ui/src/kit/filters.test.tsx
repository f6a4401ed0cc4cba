import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { answerWith, press } from "../testing/deeds";
import { show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

const PATH = "/v1/withdrawals";

// Goal: whoever comes by with the tabulator stays where they are in a list. Method: an older page of what one user asked for; the field is
// left as it is, then with another number.
it("is narrowed anew by another number, not by coming by", async () => {
  const asked: (string | null)[] = [];
  const first = (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== PATH || searchParams.get("user") !== "17") return undefined;
    asked.push(searchParams.get("before"));
    return answerWith(PATH, { next_before: 20 });
  };
  const { address } = await show("/withdrawals?user=17&before=41", "full", { first });
  const field = () => screen.getByLabelText<HTMLInputElement>("User");
  expect(field().value).toBe("17");
  fireEvent.blur(field());
  await press("Older");
  await waitFor(() => expect(address()).toContain("before=20"));
  await waitFor(() => expect(asked).toEqual(["41", "20"]));
  expect(address()).toContain("user=17");
  fireEvent.change(field(), { target: { value: "18" } });
  fireEvent.blur(field());
  await waitFor(() => expect(address()).toContain("user=18"));
  expect(address()).not.toContain("before");
});

// Goal: what leads to other pages is there while one is read, so that nobody is thrown out of the list. Method: a page that is never read.
it("keeps the way to other pages while one is read", async () => {
  const first = (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== PATH) return undefined;
    return searchParams.has("before") ? new Promise<Response>(() => undefined) : answerWith(PATH, { next_before: 41 });
  };
  const { address } = await show("/withdrawals", "full", { first });
  const pages = () => screen.getByRole("navigation", { name: "Pages of this list" });
  const before = pages();
  await press("Older");
  await waitFor(() => expect(address()).toContain("before=41"));
  await waitFor(() => expect(document.querySelector('[aria-busy="true"]')).not.toBeNull());
  expect(pages()).toBe(before);
  expect(pages().textContent).toContain("not read yet");
  await press("Newest");
  await waitFor(() => expect(address()).not.toContain("before"));
});
