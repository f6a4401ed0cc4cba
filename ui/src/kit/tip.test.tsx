import { act, cleanup, fireEvent, render, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { Tips } from "./tip";

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const tip = () => document.querySelector(".tip")?.textContent ?? null;
const page = (why: string | null) => (
  <>
    <Button why={why}>Stop</Button>
    <Tips />
  </>
);
const button = () => document.querySelector("button") ?? document.body;

// Goal: whoever is at a button is still at it when it is held back, and when it is not any more. Method: the focus, before and after.
it("keeps the focus of a button whose reason changes", () => {
  const { rerender } = render(page(null));
  const first = button();
  first.focus();
  for (const why of ["not now", null, "not ever"]) {
    rerender(page(why));
    expect(button()).toBe(first);
    expect(document.activeElement).toBe(first);
    expect(first.getAttribute("aria-disabled")).toBe(why === null ? null : "true");
  }
});

// Goal: why a button is held back is shown to whoever rests on it, in the words that hold now, until Escape. Method: a pointer; the reason
// changes while it is read.
it("says why a button is held back", async () => {
  const { rerender } = render(page("node n1 follows"));
  fireEvent.pointerOver(button());
  await waitFor(() => expect(tip()).toBe("node n1 follows"));
  rerender(page("no leader has a majority"));
  await waitFor(() => expect(tip()).toBe("no leader has a majority"));
  fireEvent.pointerOver(document.querySelector(".tip") ?? document.body);
  expect(tip()).toBe("no leader has a majority");
  rerender(page(null));
  await waitFor(() => expect(tip()).toBeNull());
  rerender(page("again"));
  await waitFor(() => expect(tip()).toBe("again"));
  let heard = 0;
  const hear = () => (heard += 1);
  document.addEventListener("keydown", hear);
  fireEvent.keyDown(button(), { key: "Escape" });
  expect([tip(), heard]).toEqual([null, 0]);
  fireEvent.keyDown(button(), { key: "Escape" });
  document.removeEventListener("keydown", hear);
  expect(heard).toBe(1);
});

// Goal: what can be used has no tip. Method: a pointer that goes from one that is held back to one that is not.
it("goes when the pointer goes on", async () => {
  render(
    <>
      <Button why="not now">Stop</Button>
      <Button>Start</Button>
      <Tips />
    </>,
  );
  fireEvent.pointerOver(button());
  await waitFor(() => expect(tip()).toBe("not now"));
  act(() => {
    fireEvent.pointerOver(document.querySelectorAll("button")[1] ?? document.body);
  });
  await waitFor(() => expect(tip()).toBeNull());
});

// Goal: Escape takes away what is in front, one by one. Method: a tip of a button in a dialog; Escape twice.
it("goes alone where it is in a dialog", async () => {
  let open = true;
  render(
    <>
      <Dialog open onOpenChange={(is) => (open = is)} title="Stop it">
        <Button why="not now">Stop</Button>
      </Dialog>
      <Tips />
    </>,
  );
  fireEvent.pointerOver(button());
  await waitFor(() => expect(tip()).toBe("not now"));
  fireEvent.keyDown(button(), { key: "Escape" });
  expect([tip(), open]).toEqual([null, true]);
  fireEvent.keyDown(button(), { key: "Escape" });
  expect(open).toBe(false);
});

// Goal: a tip goes with what it is about, and stays while something else moves. Method: what is beside its button scrolls, then what is
// around it.
it("goes when its button is scrolled away", async () => {
  const { container } = render(
    <>
      <div className="log" />
      {page("not now")}
    </>,
  );
  fireEvent.pointerOver(button());
  await waitFor(() => expect(tip()).toBe("not now"));
  fireEvent.scroll(document.querySelector(".log") ?? document.body);
  expect(tip()).toBe("not now");
  fireEvent.scroll(container);
  expect(tip()).toBeNull();
});

// Goal: a tip can be gone over where it lies, whatever the pointer meets there, and goes with the pointer. Method: a tip with a place; the
// pointer over the page there, elsewhere, and out of the window.
it("stays under the pointer, and goes with it", () => {
  vi.useFakeTimers();
  render(page("not now"));
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(100, 100, 80, 20));
  const rest = (event: () => void) => {
    act(event);
    act(() => void vi.advanceTimersByTime(300));
  };
  const over = (clientX: number) =>
    void document.body.dispatchEvent(new MouseEvent("pointerover", { bubbles: true, clientX, clientY: 110 }));
  rest(() => fireEvent.pointerOver(button()));
  rest(() => over(120));
  expect(tip()).toBe("not now");
  rest(() => over(300));
  expect(tip()).toBeNull();
  rest(() => fireEvent.pointerOver(button()));
  expect(tip()).toBe("not now");
  rest(() => document.documentElement.dispatchEvent(new MouseEvent("pointerleave")));
  expect(tip()).toBeNull();
});
