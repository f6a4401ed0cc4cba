import { fireEvent, waitFor, within } from "@testing-library/react";
import NOTICES from "virtual:notices";
import { afterEach, describe, expect, it, vi } from "vitest";
import manifest from "../../package.json";
import { show } from "../testing/page";

afterEach(() => vi.unstubAllGlobals());

describe("works of others", () => {
  // Goal: everybody whose work goes to a browser is named, with a text of their terms. Method: the manifest's dependencies, and those that they
  // bring, are held to the notices.
  it("are named with their terms", () => {
    const names = NOTICES.packages.map(({ name }) => name);
    expect(Object.keys(manifest.dependencies).filter((name) => !names.includes(name))).toEqual([]);
    expect(names).toContain("fancy-canvas");
    expect(names.filter((name) => name in manifest.devDependencies)).toEqual(["vite"]);
    const terse = NOTICES.packages.filter(({ licence, text }) => licence === "" || (NOTICES.texts[text] ?? "").length < 400);
    expect(terse).toEqual([]);
    const text = (name: string) => NOTICES.texts[NOTICES.packages.find((one) => one.name === name)?.text ?? -1];
    expect(text("@fontsource-variable/inter")).toContain("SIL OPEN FONT LICENSE");
    expect(text("lightweight-charts")).toContain("Apache License");
    expect(text("react")).toContain("Permission is hereby granted");
  });

  // Goal: they are a link away from what the console says of itself, and the charts' attribution stays there. Method: the link is followed.
  it("are a tab of the page", async () => {
    await show("/about", "full");
    expect(document.querySelector(".main")?.textContent).toContain("TradingView Lightweight Charts™, copyright TradingView");
    fireEvent.click(within(document.body).getByRole("link", { name: "Works of others" }));
    await waitFor(() => expect(document.querySelector(".main")?.textContent).toContain("SIL OPEN FONT LICENSE"), {
      timeout: 15_000,
    });
    const here = [...document.querySelectorAll('.tabs [aria-current="page"]')].map((one) => one.textContent);
    expect(here).toEqual(["Works of others"]);
  });
});

describe("codes", () => {
  const words = () => document.querySelector(".main")?.textContent ?? "";

  // Goal: what went wrong is a link away from what to do about it. Method: a text that is looked for, the code that has it, and one that is none.
  it("are found and explained", async () => {
    const { address } = await show("/about?tab=codes", "full");
    // It is loaded first.
    const field = await waitFor(() => within(document.body).getByLabelText("With the text"), { timeout: 15_000 });
    fireEvent.change(field, { target: { value: "honest uncertainty" } });
    await waitFor(() => expect(document.querySelectorAll("tbody tr")).toHaveLength(1));
    fireEvent.click(within(document.body).getByRole("link", { name: "EXQ-0305" }));
    await waitFor(() => expect(words()).toContain("Never repeat it with a new id"));
    expect(address()).toContain("code=EXQ-0305");
    expect(words()).not.toMatch(/[`#*]/);
    await show("/about?tab=codes&code=EXQ-9999", "full");
    await waitFor(() => expect(words()).toContain("knows no such code"));
  });
});
