import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encode } from "uqr";
import { squaresOf } from "../kit/qr";
import { wrongWith } from "../testing/fake-node";
import { json, refusal } from "../testing/page";
import { rememberSignedIn, SESSION_KEY, Sessions } from "./session";
import { SignIn } from "./sign-in";

const URI = "otpauth://totp/Exchequer:ada?secret=JBSWY3DPEHPK3PXP&issuer=Exchequer";
const SECRET = "JBSWY3DPEHPK3PXP";
const CODES = ["aaaa-1111", "bbbb-2222"];
const who = (must: string) => ({ name: "ada", must, csrf_token: `of ${must}`, roles: [], permissions: [], session: "s" });

interface Sent {
  path: string;
  body: Record<string, unknown>;
  csrf: string | null;
}
let sent: Sent[];
let answers: Record<string, () => Response>;
let copied: string[];

beforeEach(() => {
  window.localStorage.clear();
  sent = [];
  copied = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname;
    const text = await request.text();
    sent.push({
      path,
      body: text === "" ? {} : (JSON.parse(text) as object as Sent["body"]),
      csrf: request.headers.get("x-csrf-token"),
    });
    return answers[path]?.() ?? json(500, refusal("EXQ-0001", `nobody answers ${path}`, ""));
  });
  vi.stubGlobal("navigator", {
    clipboard: {
      writeText: (text: string) => {
        copied.push(text);
        return Promise.resolve();
      },
    },
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const shown = (must: string) =>
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SignIn must={must} refused={null} />
    </QueryClientProvider>,
  );
const put = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const push = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
/** What was sent and is not as the description of the API has it. */
const unfit = () => sent.flatMap(({ path, body }) => wrongWith("POST", path, body));

describe("the first password", () => {
  // Goal: a new account goes on from the password it got to its own, and to its authenticator, with the token of the session as it goes
  // on. Method: a node that wants both; what is sent is held to the description.
  it("is followed by the second factor", async () => {
    answers = {
      "/v1/session": () => json(200, who("change-password")),
      "/v1/session/password": () => json(200, { session: who("enrol-second-factor"), recovery_codes: [] }),
      "/v1/session/second-factor": () => json(200, { secret: SECRET, uri: URI, ticket: "t" }),
    };
    shown("sign-in");
    put("Name", "ada");
    put("Password", "drawn for ada");
    push("Sign in");
    await screen.findByRole("heading", { name: "Choose your own password" });
    put("The password you got", "drawn for ada");
    put("Your own password", "a whole sentence of mine");
    push("Change it");
    await screen.findByRole("heading", { name: "Your second factor" });
    put("Password", "a whole sentence of mine");
    push("Begin");
    await screen.findByText(SECRET);
    expect(sent.map(({ path, body }) => [path, body])).toEqual([
      ["/v1/session", { name: "ada", password: "drawn for ada" }],
      ["/v1/session/password", { password: "drawn for ada", new_password: "a whole sentence of mine" }],
      ["/v1/session/second-factor", { password: "a whole sentence of mine" }],
    ]);
    expect(sent.map(({ csrf }) => csrf).slice(1)).toEqual(["of change-password", "of enrol-second-factor"]);
    expect(unfit()).toEqual([]);
  });

  // Goal: a refusal is told with its code, and nothing typed is lost. Method: a node that refuses, then one that is gone.
  it("is refused in words, and told as unknown where no answer comes", async () => {
    answers = { "/v1/session/password": () => json(422, refusal("EXQ-0218", "it is too easy to guess", "take a longer one")) };
    shown("change-password");
    put("The password you got", "drawn for ada");
    put("Your own password", "aaaaaaaaaaaa");
    push("Change it");
    await screen.findByText("it is too easy to guess");
    expect(screen.getByText("EXQ-0218")).toBeTruthy();
    expect(screen.queryByText(/may have been made/)).toBeNull();
    expect(screen.getByLabelText<HTMLInputElement>("Your own password").value).toBe("aaaaaaaaaaaa");
    answers = {
      "/v1/session/password": () => {
        throw new TypeError("failed to fetch");
      },
    };
    push("Change it");
    await screen.findByText(/may have been made all the same/);
  });
});

describe("an authenticator", () => {
  const begin = async () => {
    answers = {
      "/v1/session/second-factor": () => json(200, { secret: SECRET, uri: URI, ticket: "the ticket" }),
      "/v1/session/second-factor/confirm": () => json(200, { session: who("nothing"), recovery_codes: CODES }),
    };
    shown("enrol-second-factor");
    put("Password", "a whole sentence of mine");
    push("Begin");
    await screen.findByText(SECRET);
  };

  // Goal: its secret is there as a picture of the address that the node gave, and as text that can be copied. Method: the picture's squares
  // are read back and held to the encoder's.
  it("has its secret as a picture and as text", async () => {
    await begin();
    const picture = await screen.findByRole("img", { name: /secret for your authenticator/ });
    const path = picture.querySelector("path")?.getAttribute("d") ?? "";
    const dark = new Set([...path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(([, x, y]) => `${String(x)} ${String(y)}`));
    const { data } = encode(URI, { ecc: "M", border: 4 });
    const wanted = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`${String(x)} ${String(y)}`] : [])));
    expect([...dark].sort()).toEqual(wanted.sort());
    expect(path).not.toBe(squaresOf(`${URI}0`)?.path);
    push("Copy the secret");
    await screen.findByText("Copied.");
    expect(copied).toEqual([SECRET]);
  });

  // Goal: recovery codes are shown once the code was right, can be copied, and are not left before the person says so. Method: the whole
  // way; nothing is asked of the node until then.
  it("is enrolled by a code of it, and its recovery codes are shown once", async () => {
    await begin();
    put("Code", " 123456 ");
    push("Enrol");
    await screen.findByRole("heading", { name: "2 recovery codes" });
    expect(sent.at(-1)).toMatchObject({
      path: "/v1/session/second-factor/confirm",
      body: { otp: "123456", ticket: "the ticket" },
    });
    expect(unfit()).toEqual([]);
    push("Copy the codes");
    await screen.findByText("Copied.");
    expect(copied).toEqual([CODES.join("\n")]);
    expect(sent).toHaveLength(2);
    push("They are kept");
    await waitFor(() => expect(screen.queryByText(/aaaa-1111/)).toBeNull());
  });

  // Goal: a wrong code keeps the picture: nobody reads in another one for a typing error. Method: a node that refuses the code.
  it("is kept where the code is wrong", async () => {
    await begin();
    answers["/v1/session/second-factor/confirm"] = () => json(403, refusal("EXQ-0211", "the code is wrong", ""));
    put("Code", "000000");
    push("Enrol");
    await screen.findByText("the code is wrong");
    expect(screen.getByText(SECRET)).toBeTruthy();
  });
});

describe("a new account whose session is read meanwhile", () => {
  // Goal: nothing that is filled in or shown goes when the page looks at its session again, and codes go when they are kept, not before.
  // Method: the whole way under the session of the page, which is read anew at every step: in between, while the code is on its way, and
  // when the codes are there.
  it("keeps its secret and its recovery codes", async () => {
    let must = "change-password";
    let confirm: (answer: Response) => void = () => undefined;
    answers = {
      "/v1/session": () => json(200, { ...who(must), over_at: new Date(Date.now() + 3_600_000).toISOString() }),
      "/v1/session/password": () => {
        must = "enrol-second-factor";
        return json(200, { session: who(must), recovery_codes: [] });
      },
      "/v1/session/second-factor": () => json(200, { secret: SECRET, uri: URI, ticket: "the ticket" }),
    };
    const answered = new Promise<Response>((resolve) => (confirm = resolve));
    const plain = globalThis.fetch;
    vi.stubGlobal("fetch", (request: Request) => {
      if (!request.url.endsWith("/confirm")) return plain(request);
      must = "nothing";
      sent.push({ path: "confirm", body: {}, csrf: request.headers.get("x-csrf-token") });
      return answered;
    });
    rememberSignedIn(true);
    const client = new QueryClient();
    render(
      <QueryClientProvider client={client}>
        <Sessions otherwise={(why) => <SignIn {...why} />}>
          <p>the console</p>
        </Sessions>
      </QueryClientProvider>,
    );
    const readAgain = () => act(() => client.refetchQueries({ queryKey: SESSION_KEY }));
    await screen.findByText("Choose your own password");
    put("The password you got", "drawn for ada");
    put("Your own password", "a whole sentence of mine");
    await readAgain();
    push("Change it");
    await screen.findByText("Your second factor");
    await readAgain();
    put("Password", "a whole sentence of mine");
    push("Begin");
    await screen.findByText(SECRET);
    await readAgain();
    expect(screen.getByText(SECRET)).toBeTruthy();
    put("Code", "123456");
    push("Enrol");
    await waitFor(() => expect(sent.at(-1)?.path).toBe("confirm"));
    expect(sent.at(-1)?.csrf).toBe("of enrol-second-factor");
    await readAgain();
    expect(screen.queryByText("the console")).toBeNull();
    confirm(json(200, { session: who("nothing"), recovery_codes: CODES }));
    await screen.findByRole("heading", { name: "2 recovery codes" });
    await readAgain();
    expect(screen.getByText(/aaaa-1111/)).toBeTruthy();
    push("They are kept");
    await screen.findByText("the console");
    expect(screen.queryByText(/aaaa-1111/)).toBeNull();
  });
});

// Goal: a text that fits no picture is told as such, and fails nothing. Method: more than the largest one holds.
it("draws no picture of what does not fit", () => {
  expect(squaresOf("x".repeat(5_000))).toBeNull();
});
