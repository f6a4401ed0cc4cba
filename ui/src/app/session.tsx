/** Who is signed in, what they may, and the second factor shown again where a change asks for it. */
import { useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { change } from "../api/change";
import { api, ASKED_AGAIN, onRefused, Refused, type Seen, seen, setCsrfToken } from "../api/client";
import type { components } from "../api/schema.gen";
import { Button } from "../kit/button";
import { Dialog } from "../kit/dialog";
import { Input } from "../kit/field";
import { span } from "../kit/text";
import { clearToasts } from "../kit/toast";
import { useNow } from "../kit/values";
import { lastAttention } from "./attention";
import { takeCame } from "./elsewhere";
import { useShownOnceHeld } from "./holding";
import { SignedInStill } from "./signed-in-still";

export type SignedIn = components["schemas"]["SignedIn"];

interface Session {
  who: SignedIn;
  can: (permission: string) => boolean;
  /** Shows the second factor if it was not shown just now, or in any case; false where the person gave up. */
  stepUp: (why: string, inAnyCase?: boolean) => Promise<boolean>;
  signOut: () => Promise<void>;
  /** Asks the node again who is signed in. */
  again: () => Promise<unknown>;
}

const Context = createContext<Session | null>(null);
/** Under which the session is kept that was read last. */
export const SESSION_KEY = ["/v1/session"] as const;
const KEY = SESSION_KEY;
/** Before a session ends by itself it is told this long, in milliseconds. */
const WARN_MS = 120_000;
/** A factor that ends so soon is asked for again, in milliseconds. */
const FRESH_SLACK_MS = 5_000;

/** Whether this browser was signed in when it was last seen: a page that was not need not ask, and be refused. */
const HINT = "exchequer.signed-in";

/** Whoever comes from another node may be signed in here as well: nodes of one host share what the browser shows them. */
let mayBeSignedIn = takeCame();

export function rememberSignedIn(is: boolean): void {
  mayBeSignedIn = false;
  if (is) window.localStorage.setItem(HINT, "yes");
  else window.localStorage.removeItem(HINT);
}

/** Whether the node is worth asking who is signed in. */
function isWorthAsking(): boolean {
  return mayBeSignedIn || window.localStorage.getItem(HINT) !== null;
}

export function useSession(): Session {
  const session = useContext(Context);
  if (session === null) throw new Error("a page is shown to nobody");
  return session;
}

/** Why there is no session that can be used: nobody is signed in, something must be done first, or the node did not say. */
export interface NoSession {
  must: string;
  refused: Refused | null;
}

/** Why there is none, as far as it was read; undefined before. */
function lacking(read: UseQueryResult<Seen<SignedIn>, Refused>): NoSession | null | undefined {
  if (!isWorthAsking() && read.data === undefined) return { must: "sign-in", refused: null };
  if (read.isPending) return undefined;
  if (read.error?.status === 401 || read.data === undefined)
    return { must: "sign-in", refused: read.error?.status === 401 ? null : read.error };
  const { must } = read.data.value;
  return must === "nothing" ? null : { must, refused: null };
}

/**
 * The session, if there is one; `otherwise` for the others. What is shown this once is left to stand: the session that is read meanwhile, or
 * is over meanwhile, changes what is drawn once it is kept.
 */
export function Sessions({ children, otherwise }: { children: ReactNode; otherwise: (why: NoSession) => ReactNode }) {
  const client = useQueryClient();
  const read = useQuery<Seen<SignedIn>, Refused>({
    queryKey: KEY,
    queryFn: () => readSession(),
    refetchInterval: 60_000,
    enabled: isWorthAsking,
  });
  const over = read.error?.status === 401;
  // Before anything below is drawn: a change could be asked for at once. What is being read anew takes nothing from who signs in.
  if (over) setCsrfToken(null);
  else if (read.data !== undefined) setCsrfToken(read.data.value.csrf_token);

  // A session that ended is noticed at the next refusal of anything.
  useEffect(
    () =>
      onRefused((refused) => {
        // Not while it is being asked: its own refusal is told too, and would have it asked anew without an end.
        const isAsking = client.isFetching({ queryKey: KEY }) > 0;
        if (refused.status === 401 && !isAsking) void client.invalidateQueries({ queryKey: KEY });
      }),
    [client],
  );

  useEffect(() => {
    if (over) rememberSignedIn(false);
    else if (read.data !== undefined) rememberSignedIn(true);
  }, [over, read.data]);

  const isHeld = useShownOnceHeld();
  const [last, setLast] = useState<NoSession | null>(null);
  const present = lacking(read);
  // As long as it is not known, whoever signs in stays where they are.
  const why = isHeld || present === undefined ? last : present;
  if (why?.must !== last?.must || why?.refused !== last?.refused) setLast(why);
  if (why !== null) return <>{otherwise(why)}</>;
  if (read.data === undefined) return null;
  return (
    <Inside who={read.data.value} readAt={read.data.at}>
      {children}
    </Inside>
  );
}

function readSession(): Promise<Seen<SignedIn>> {
  return seen(api.GET("/v1/session"), ASKED_AGAIN);
}

/** Who was signed in last on this page. */
let lastTold: string | null = null;

function Inside({ who, readAt, children }: { who: SignedIn; readAt: number; children: ReactNode }) {
  const client = useQueryClient();
  // What was told was told to somebody.
  useLayoutEffect(() => {
    if (lastTold !== null && lastTold !== who.name) clearToasts();
    lastTold = who.name;
  }, [who.name]);
  const [asking, ask] = useState<{ why: string; answer: (shown: boolean) => void } | null>(null);
  const until = useRef(0);
  useEffect(() => {
    until.current = who.stepped_up_until == null ? 0 : Date.parse(who.stepped_up_until);
  }, [who.stepped_up_until]);

  const again = useCallback(() => client.invalidateQueries({ queryKey: KEY }), [client]);
  const stepUp = useCallback((why: string, inAnyCase = false) => {
    if (!inAnyCase && until.current - Date.now() > FRESH_SLACK_MS) return Promise.resolve(true);
    return new Promise<boolean>((answer) => {
      ask({ why, answer });
    });
  }, []);
  const [still, setStill] = useState<Refused | null>(null);
  const signOut = useCallback(async () => {
    try {
      await seen(api.DELETE("/v1/session"));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // Signed out is who the node says is: what it did not hear of it did not do.
      if (error.status !== 401) {
        setStill(error);
        return;
      }
    }
    rememberSignedIn(false);
    window.location.assign("/ui/");
  }, []);
  /** Nobody used the page for long enough. What another window did meanwhile is looked at first: it may be in use, or signed in anew. */
  const end = useCallback(
    async (idle: number) => {
      const present = await readSession().catch(() => null);
      const isAnother = present !== null && present.value.session !== who.session;
      if (isAnother || lastAttention() + idle > Date.now()) await again();
      else await signOut();
    },
    [again, signOut, who.session],
  );
  const session = useMemo<Session>(
    () => ({ who, can: (permission) => who.permissions.includes(permission), stepUp, signOut, again }),
    [who, stepUp, signOut, again],
  );

  if (still !== null) return <SignedInStill refused={still} signOut={signOut} />;
  return (
    <Context value={session}>
      {children}
      <Ending overAt={Date.parse(who.over_at)} readAt={readAt} again={again} end={end} />
      {asking === null ? null : (
        <StepUp
          why={asking.why}
          done={async (shown) => {
            ask(null);
            if (shown) await again();
            asking.answer(shown);
          }}
        />
      )}
    </Context>
  );
}

interface EndingProps {
  overAt: number;
  readAt: number;
  again: () => Promise<unknown>;
  end: (idle: number) => Promise<void>;
}

/** A session ends when nobody used the page for as long as the node lets a session be idle, and at the latest when the node says. */
function Ending({ overAt, readAt, again, end }: EndingProps) {
  const now = useNow();
  // Just after it was read, what is left is the whole of what may be idle, but near the end of the session's life.
  const [idle, setIdle] = useState(0);
  if (overAt - readAt > idle) setIdle(overAt - readAt);
  const left = Math.min(lastAttention() + idle, overAt) - now;
  const isOver = idle > 0 && left <= 0;
  useEffect(() => {
    if (isOver) void end(idle);
    // Looked at anew whenever the session was read, for as long as it is over.
  }, [isOver, end, idle, overAt]);
  if (Number.isNaN(left) || left > WARN_MS || isOver) return null;
  return (
    <div className="banner" role="alert" style={{ position: "fixed", insetInline: 0, bottom: 0, zIndex: 15 }}>
      You are signed out in {span(left)} unless you go on.
      <Button onClick={() => void again()}>Stay signed in</Button>
    </div>
  );
}

function StepUp({ why, done }: { why: string; done: (shown: boolean) => Promise<void> }) {
  const [otp, setOtp] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    try {
      await change("POST /v1/session/step-up", undefined, otp.length > 8 ? { recovery_code: otp.trim() } : { otp: otp.trim() });
      await done(true);
    } catch (error) {
      setWrong(error instanceof Refused ? error.message : String(error));
      setOtp("");
      setBusy(false);
    }
  };
  return (
    <Dialog open onOpenChange={(open) => void (open ? undefined : done(false))} title="Show your second factor" about={why}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <Input
          label="Code"
          help="Of your authenticator, or a recovery code."
          wrong={wrong}
          value={otp}
          autoComplete="one-time-code"
          autoFocus
          required
          onChange={(event) => {
            setOtp(event.target.value);
          }}
        />
        <div className="row">
          <Button look="main" type="submit" why={busy ? "It is being checked." : null}>
            Go on
          </Button>
          <Button onClick={() => void done(false)}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}
