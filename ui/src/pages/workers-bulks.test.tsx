import { cleanup, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerWith } from "../testing/deeds";
import { show } from "../testing/page";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("bulk runs", () => {
  // Goal: a former run is found again, and what cannot be taken back says why. Method: runs of each kind.
  it("are listed, with the way back where there is one", async () => {
    const run = (bulk: number, action: string, undone_by: string | null) => ({
      bulk,
      action,
      undone_by,
      reason: "",
      items: [],
    });
    const bulks = [run(3, "stop", null), run(2, "restart", null), run(1, "stop", "ada")];
    await show("/workers/bulk", "full", {
      first: (request) => (request.url.endsWith("/v1/workers/bulk") ? answerWith("/v1/workers/bulk", { bulks }) : undefined),
    });
    expect(screen.getByRole("link", { name: "3" }).getAttribute("href")).toContain("/workers?bulk=3");
    const why = screen
      .getAllByRole("button", { name: "Take it back" })
      .map((one) => document.getElementById(one.getAttribute("aria-describedby") ?? "")?.textContent);
    expect(why).toEqual([undefined, "A restart cannot be taken back.", "It was taken back by ada."]);
  });
});
