/** Announcing maintenance: of what, from when to when, and what customers are told of it. */
import { Act } from "../app/act";
import { Choice, Input } from "../kit/field";
import { NETWORKS } from "../kit/filters";
import { relative, utc } from "../kit/text";
import { Foreign, useNow } from "../kit/values";

/** As fields for times without a zone hold them, meant in UTC; empty where nothing is said. */
interface Plan {
  banner: string;
  from: string;
  to: string;
}

const BANNER_CHARS_MAX = 280;
const NOTHING: Plan = { banner: "", from: "", to: "" };
/** The network that is proposed. */
const FIRST: string = NETWORKS[0];

/** The moment that a field names, in UTC; null where it names none. */
function momentOf(text: string): number | null {
  const at = Date.parse(`${text}Z`);
  return text === "" || Number.isNaN(at) ? null : at;
}

/** A moment where this browser is. */
export function here(at: number): string {
  return new Date(at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });
}

/** A moment that is planned: in UTC, beside it where this browser is, and how far off. */
export function Planned({ at }: { at: string }) {
  const now = useNow();
  const moment = Date.parse(at);
  if (Number.isNaN(moment)) return <Foreign>{at}</Foreign>;
  return (
    <time dateTime={at}>
      {utc(moment)}
      <span className="muted">
        {" "}
        ({here(moment)} here; {relative(moment, now)})
      </span>
    </time>
  );
}

function wrongWith({ banner, from, to }: Plan): string | null {
  if (banner.trim() === "") return "Say what customers are told.";
  const [begins, ends] = [momentOf(from), momentOf(to)];
  if (begins !== null && begins < Date.now()) return "It begins in the past: leave that empty for at once.";
  return ends !== null && ends <= (begins ?? Date.now()) ? "It ends before it begins." : null;
}

/** When it is, as it is sent: what is not said is left to the node. */
function sent({ banner, from, to }: Plan) {
  const [begins, ends] = [momentOf(from), momentOf(to)];
  return {
    banner,
    ...(begins === null ? {} : { starts_at: new Date(begins).toISOString() }),
    ...(ends === null ? {} : { ends_at: new Date(ends).toISOString() }),
  };
}

/** When it is, in words. */
function span({ from, to }: Plan): string {
  const [begins, ends] = [momentOf(from), momentOf(to)];
  return `${begins === null ? "At once" : `From ${utc(begins)}`}${ends === null ? ", until somebody ends it" : ` to ${utc(ends)}`}`;
}

export function Begin({ extent }: { extent: "network" | "system" }) {
  const fields = (plan: Plan, set: (next: Partial<Plan>) => void) => (
    <>
      <Moment label="Begins (UTC)" none="At once, where nothing is said." value={plan.from} set={(from) => set({ from })} />
      <Moment
        label="Ends (UTC)"
        none="When somebody ends it, where nothing is said."
        value={plan.to}
        set={(to) => set({ to })}
      />
      <Input
        label="Customers are told"
        value={plan.banner}
        maxLength={BANNER_CHARS_MAX}
        onChange={(event) => set({ banner: event.target.value })}
      />
    </>
  );
  if (extent === "system") {
    return (
      <Act<"POST /v1/maintenance/system", Plan>
        change="POST /v1/maintenance/system"
        names={undefined}
        label="Maintenance of everything"
        subject="the exchange"
        form={NOTHING}
        wrong={wrongWith}
        consequence={(plan) => `${span(plan)}: customers' requests are answered with the banner; what is on its way goes on.`}
        body={(reason, plan) => ({ ...sent(plan), reason })}
        fields={fields}
      />
    );
  }
  return (
    <Act<"POST /v1/maintenance/networks/{network}", Plan & { network: string }>
      change="POST /v1/maintenance/networks/{network}"
      form={{ ...NOTHING, network: FIRST }}
      names={({ network }) => ({ network })}
      label="Maintenance of a network"
      subject={({ network }) => network}
      wrong={wrongWith}
      consequence={(plan) => `${span(plan)}: nothing is paid in or out on ${plan.network}. Deposits are seen and wait.`}
      body={(reason, plan) => ({ ...sent(plan), reason })}
      fields={(plan, set) => (
        <>
          <Choice
            label="Network"
            of={NETWORKS}
            value={plan.network}
            onChange={(event) => set({ network: event.target.value })}
          />
          {fields(plan, set)}
        </>
      )}
    />
  );
}

interface MomentProps {
  label: string;
  /** What it means that nothing is said. */
  none: string;
  value: string;
  set: (value: string) => void;
}

/** A moment in UTC, with what it is where this browser is. */
function Moment({ label, none, value, set }: MomentProps) {
  const at = momentOf(value);
  return (
    <Input
      label={label}
      type="datetime-local"
      step={1}
      help={at === null ? none : `${here(at)} here.`}
      value={value}
      onChange={(event) => set(event.target.value)}
    />
  );
}
