import { waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

// Goal: a node that is gone is asked at a pace, so that it can come back and the browser has room for its neighbours; each refusal
// that is told must not cause the next one. Method: a node that goes while a page is open; its requests are counted.
it("asks a node that is gone at a pace", async () => {
  const { asked, meet, client } = await show("/workers", "full");
  meet("gone");
  const before = asked.length;
  await client.refetchQueries({ queryKey: ["/v1/workers"] });
  await waitFor(() => expect(document.querySelector(".bar")?.textContent).toContain("This node does not answer."), {
    timeout: 15_000,
  });
  expect(asked.slice(before).filter((path) => path === "/v1/status").length).toBeLessThan(4);
});

// Goal: a session that was ended elsewhere is noticed, once, and the page asks who is there. Method: every read is refused as of
// nobody, that of the session too.
it("asks who is there when a session is over", async () => {
  const { asked, meet, client } = await show("/workers", "full");
  meet("over");
  const before = asked.length;
  await client.refetchQueries({ queryKey: ["/v1/workers"] });
  await waitFor(() => expect(document.body.textContent).toContain("nobody is signed in"), { timeout: 15_000 });
  expect(asked.slice(before).filter((path) => path === "/v1/session").length).toBeLessThan(4);
});
