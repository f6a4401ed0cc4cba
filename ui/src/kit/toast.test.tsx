import { act, cleanup, fireEvent, render } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { clearToasts, focusToasts, toast, Toasts } from "./toast";

beforeEach(() => {
  vi.useFakeTimers();
  render(
    <>
      <main id="main" tabIndex={-1} />
      <Toasts />
    </>,
  );
});
afterEach(() => {
  act(clearToasts);
  cleanup();
  vi.useRealTimers();
});

const told = () => [...document.querySelectorAll(".toast > div:first-child")].map((one) => one.textContent);
const tell = (...all: Parameters<typeof toast>) => act(() => toast(...all));
const pass = (ms: number) => act(() => void vi.advanceTimersByTime(ms));
const buttons = () => [...document.querySelectorAll<HTMLElement>(".toast button")];
const region = () => document.querySelector(".toasts") ?? document.body;

// Goal: what went wrong is there until somebody took it away. Method: two of them, then more good news than is shown at once, and time.
it("never lets go of what went wrong", () => {
  tell("lost", "bad");
  tell("refused", "bad");
  for (const at of [1, 2, 3, 4, 5, 6]) tell(`done ${String(at)}`);
  expect(told()).toEqual(["lost", "refused", "done 3", "done 4", "done 5", "done 6"]);
  pass(9_000);
  expect(told()).toEqual(["lost", "refused"]);
  fireEvent.click(buttons()[0] as Element);
  expect(told()).toEqual(["refused"]);
});

// Goal: nothing goes from under who is at it, and what is left of its time is what was left. Method: the pointer, then the focus, for a minute
// each, in the midst of its time.
it.each([
  ["the pointer", () => fireEvent.pointerEnter(region()), () => fireEvent.pointerLeave(region())],
  ["the focus", () => act(focusToasts), () => act(() => buttons()[0]?.blur())],
])("stays while it has %s", (_, come, go) => {
  tell("done");
  pass(5_000);
  come();
  tell("done too");
  pass(60_000);
  expect(told()).toEqual(["done", "done too"]);
  go();
  pass(2_900);
  expect(told()).toEqual(["done", "done too"]);
  pass(200);
  expect(told()).toEqual(["done too"]);
  pass(5_000);
  expect(told()).toEqual([]);
});

// Goal: whoever dismisses by the keyboard is at the next one, and at the page after the last, and time goes on. Method: two are dismissed.
it("gives the focus on", () => {
  tell("lost", "bad");
  tell("done");
  act(focusToasts);
  expect(document.activeElement).toBe(buttons()[1]);
  fireEvent.click(buttons()[1] as Element);
  expect(document.activeElement).toBe(buttons()[0]);
  fireEvent.click(buttons()[0] as Element);
  expect(document.activeElement?.id).toBe("main");
  tell("done again");
  pass(8_100);
  expect(told()).toEqual([]);
});
