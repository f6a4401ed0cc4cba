/** A change that carries a signature of this browser's key over what is shown: consent to a withdrawal, approval of a proposal. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { type BodyOf, type Change, change, CommandIds, factsOf, type NamesOf } from "../api/change";
import { Refused } from "../api/client";
import { useLook } from "../api/look";
import { Button } from "../kit/button";
import { Dialog } from "../kit/dialog";
import { toast } from "../kit/toast";
import { useWhyNot } from "./act";
import { keptKey, sign } from "./approval-key";
import { useSession } from "./session";

/** The key of this browser and its number, if it is enrolled and confirmed. */
export function useOwnKey() {
  const { who } = useSession();
  const kept = useQuery({ queryKey: ["own key", who.name], queryFn: async () => (await keptKey(who.name)) ?? null });
  const keys = useLook("/v1/approval-keys", {}, { topics: ["approvals"] });
  const enrolled = keys.data?.value.keys.find(
    ({ public_key, state }) => public_key === kept.data?.publicKey && state !== "revoked",
  );
  const why =
    kept.data == null
      ? "This browser has no approval key of yours: make one under Security."
      : enrolled === undefined
        ? "This browser's approval key is not enrolled: enrol it under Security."
        : enrolled.state !== "confirmed"
          ? "This browser's approval key waits for another person to confirm it."
          : null;
  return { kept: kept.data ?? null, enrolled, why };
}

interface Props<C extends Change> {
  change: C;
  names: NamesOf<C>;
  label: string;
  title: string;
  /** What is signed, in words: the whole of it. */
  children: ReactNode;
  /** The bytes that are signed, made of what is shown; throws where what the node says of them is another thing. */
  bytes: () => Uint8Array;
  body: (key: number, signature: string) => BodyOf<C>;
  why?: string | null;
  /** Whether an own key that is not confirmed yet is enough: the first two keys confirm each other. */
  unconfirmed?: boolean;
  done: string;
}

export function SignedAct<C extends Change>(props: Props<C>) {
  const { label, title, children, why } = props;
  const general = useWhyNot(props.change);
  const own = useOwnKey();
  const client = useQueryClient();
  const { stepUp } = useSession();
  const [open, setOpen] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [ids] = useState(() => new CommandIds());
  const send = async () => {
    setWrong(null);
    setBusy(true);
    try {
      if (own.kept === null || own.enrolled === undefined) return;
      const bytes = props.bytes();
      if (factsOf(props.change).fresh === "always" && !(await stepUp(title))) return;
      const body = props.body(own.enrolled.number, await sign(own.kept, bytes));
      await change(props.change, props.names, body, { id: ids.of([props.names, body]) });
      ids.answered();
      setOpen(false);
      toast(props.done);
      void client.invalidateQueries();
    } catch (error) {
      if (error instanceof Refused && !error.isUnknown) ids.answered();
      setWrong(
        error instanceof Refused
          ? `${error.message} ${error.code} ${error.hint}`
          : error instanceof Error
            ? error.message
            : String(error),
      );
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button
        data-change={props.change}
        look="main"
        why={general ?? why ?? (props.unconfirmed === true && own.enrolled !== undefined ? null : own.why)}
        onClick={() => setOpen(true)}
      >
        {label}
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title={title}
        about="You sign exactly what is listed here; anything else would be another signature."
      >
        {children}
        <div role="alert">{wrong === null ? null : <strong>{wrong}</strong>}</div>
        <div className="row">
          <Button look="main" why={busy ? "It is on its way." : null} onClick={() => void send()}>
            Sign and approve
          </Button>
          <Button onClick={() => setOpen(false)}>Cancel</Button>
        </div>
      </Dialog>
    </>
  );
}
