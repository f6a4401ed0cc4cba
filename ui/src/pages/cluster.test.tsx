import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PHRASE } from "../app/deed";
import { dialog, fill, FRESH, isClosed, noting, press, type Sent } from "../testing/deeds";
import { json, show } from "../testing/page";
import { snapshotOf } from "./cluster";
import { joining } from "./cluster-join";

afterEach(() => vi.unstubAllGlobals());

const main = () => document.querySelector(".main")?.textContent ?? "";

const cluster = async (answer: (sent: Sent) => Response) => {
  const { sent, first } = noting(answer);
  await show("/cluster", "full", { first, instead: FRESH });
  return sent;
};

describe("a join token", () => {
  const TOKEN = "exqj_0123456789";
  const asked = async () => {
    const sent = await cluster(() => json(200, { token: TOKEN, expires_at: new Date(Date.now() + 900_000).toISOString() }));
    expect(main()).not.toContain(TOKEN);
    await press("Make a join token");
    fill("Reason", "a fourth node");
    fill(/^Type/, PHRASE);
    await press("Make a join token", dialog);
    await waitFor(() => expect(dialog().textContent).toContain(TOKEN));
    return sent;
  };
  const type = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });

  // Goal: the token is there until it is kept, with what is typed on the new machine, and then nowhere. Method: one is made, the
  // node's place is said, and it is said that it is kept.
  it("is shown once, with the command line", async () => {
    const sent = await asked();
    expect(sent.map(({ path, body }) => [path, body])).toEqual([
      ["/v1/cluster/tokens", { reason: "a fourth node", ttl: "15m", replace: null }],
    ]);
    expect(document.querySelector("pre")).toBeNull();
    fireEvent.keyDown(document.activeElement ?? document.body, { key: "Escape" });
    type("The new node's name", "n4");
    type("Its address for clients", "10.0.0.4:8640");
    type("Its address for peers", "10.0.0.4:8641");
    expect(document.querySelector("pre")?.textContent).toBe(
      `runuser -u exchequer -- exchequer join 127.0.0.1:8640 --token ${TOKEN} --data-dir /var/lib/exchequer --name n4 --api 10.0.0.4:8640 --peer 10.0.0.4:8641\nsystemctl start exchequer`,
    );
    await press("It is kept", dialog);
    await waitFor(() => expect(isClosed()).toBe(true));
    expect(document.body.textContent).not.toContain(TOKEN);
  });

  // Goal: nothing that is filled in, or that a node says, is obeyed by a shell. Method: names with what shells obey.
  it("makes no command of what a shell would obey", async () => {
    await asked();
    type("The new node's name", "n4;reboot");
    type("Its address for clients", "10.0.0.4:8640");
    type("Its address for peers", "10.0.0.4:8641");
    expect(document.querySelector("pre")).toBeNull();
    const place = { name: "n4", api: "a:1", peer: "a:2" };
    expect(joining("a'b", "t$(x)", place)).toContain(`join 'a'\\''b' --token 't$(x)' --data-dir`);
  });
});

describe("a snapshot", () => {
  // Goal: it is saved as a file under a name that says of what and when. Method: a node that sends bytes.
  it("is saved as the bytes that the node sends", async () => {
    const saved: { name: string; bytes: Promise<ArrayBuffer> }[] = [];
    let file: Blob | undefined;
    vi.spyOn(URL, "createObjectURL").mockImplementation((of) => {
      file = of as Blob;
      return "blob:of-a-test";
    });
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      if (file !== undefined) saved.push({ name: this.download, bytes: file.arrayBuffer() });
    });
    const bytes = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0]);
    const sent = await cluster(() => new Response(bytes, { headers: { "content-type": "application/zstd" } }));
    await press("Save a snapshot");
    fill("Reason", "before the move");
    await press("Save a snapshot", dialog);
    await waitFor(() => expect(saved.length).toBe(1));
    expect(saved[0]?.name).toMatch(/^exchequer-[\w-]+-\d{4}-\d\d-\d\dT[\d-]+Z\.tar\.zst$/);
    expect([...new Uint8Array((await saved[0]?.bytes) ?? new ArrayBuffer(0))]).toEqual([...bytes]);
    expect(sent.map(({ path, body }) => [path, body])).toEqual([["/v1/snapshot", { reason: "before the move" }]]);
  });

  // Goal: a member's snapshot says how much of its log is beyond it. Method: members with one, and without.
  it("is told by its index and what came after", () => {
    expect(snapshotOf({ snap_index: 1_000, last_index: 1_500 })).toBe("up to entry 1000, 500 entries before its last");
    expect(snapshotOf({ snap_index: 1_500, last_index: 1_000 })).toContain(", 0 entries");
    expect(snapshotOf({ snap_index: null, last_index: 9 })).toBe("none yet");
  });
});
