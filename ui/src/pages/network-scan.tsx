/** How far a network is scanned, what stands still there, and how it goes on. */
import { Act } from "../app/act";
import { type AnswerOf, type Look, PACE, useLook } from "../api/look";
import { Facts } from "../kit/facts";
import { Choice, Input } from "../kit/field";
import { Panel } from "../kit/panel";
import { Status } from "../kit/status";
import { Amount, Foreign, Id, When } from "../kit/values";
import { Stops } from "./payment-stops";

export type Head = AnswerOf<"/v1/scans">["networks"][number];

/** A network that is so many blocks behind is told. */
const BEHIND_TOLD = 20;

/** The worker of a network, where it does not work: what it told last is no news then. */
export interface Silent {
  state: string;
  since: string;
}

/** Who tells of a network: its deposit worker runs, does not, is not there, or nobody could say. What was told last is news in the first case alone. */
export type Teller = "runs" | "none" | "being read" | "unread" | Silent;

export function tellerOf(look: Look<"/v1/workers">, network: string): Teller {
  if (look.error !== null) return "unread";
  if (look.data === undefined) return "being read";
  const its = look.data.value.workers.filter((one) => one.kind === "deposit" && one.network === network);
  return its.some(({ state }) => state === "running") ? "runs" : (its[0] ?? "none");
}

/** How the scan of a network stands, in a word. */
export function Stand({ head, teller }: { head: Head; teller: Teller }) {
  if (head.halted_since != null)
    return (
      <Status tone="bad">
        stands still since <When at={head.halted_since} />
      </Status>
    );
  if (teller === "being read") return <Status tone="idle">whether its worker runs is being read</Status>;
  if (teller === "unread") return <Status tone="warn">not known: whether its worker runs could not be read</Status>;
  if (teller === "none") return <Status tone="warn">not told: it has no deposit worker</Status>;
  if (teller !== "runs")
    return (
      <Status tone="warn">
        not told since its worker is <Foreign>{teller.state}</Foreign>, <When at={teller.since} />
      </Status>
    );
  return head.behind > BEHIND_TOLD ? <Status tone="warn">behind</Status> : <Status tone="good">follows</Status>;
}

/** From where the scan of a halted network goes on. */
const FROM = { stood: "where it stood", common: "the last block in common", other: "another block" } as const;
type From = keyof typeof FROM;

interface Form {
  from: From;
  height: string;
  hash: string;
}

function wrongFrom({ from, height, hash }: Form): string | null {
  if (from !== "other") return null;
  if (!/^\d{1,15}$/.test(height.trim())) return "The height is a whole number.";
  return /^(0x)?[0-9a-f]{64}$/i.test(hash.trim()) ? null : "A block's hash has 64 hexadecimal digits.";
}

/** Lets the scan of a network go on that stands still since a deep reorganisation. */
export function ResumeScan({ head }: { head: Head }) {
  const { common, scanned } = head;
  const blockOf = ({ from, height, hash }: Form) => {
    if (from === "stood") return null;
    return from === "common" ? (common ?? null) : { height: Number(height.trim()), hash: hash.trim().replace(/^0x/i, "") };
  };
  return (
    <Act<"POST /v1/scans/{network}/resume", Form>
      change="POST /v1/scans/{network}/resume"
      names={{ network: head.network }}
      label="Scan again"
      subject={head.network}
      why={head.halted_since == null ? "It does not stand still." : null}
      form={{ from: "stood", height: "", hash: "" }}
      wrong={wrongFrom}
      consequence={(form) => {
        const block = blockOf(form);
        return block === null ? (
          <p>
            It goes on behind the block that was scanned last{scanned == null ? "" : ` (${String(scanned.height)})`}. What was
            credited stays as it is: look first what became of it.
          </p>
        ) : (
          <p>
            It goes on behind block {form.from === "other" && wrongFrom(form) !== null ? "…" : block.height}. Deposits above it
            are taken back, those that could leave too: what their users do not have any more, they owe.
          </p>
        );
      }}
      body={(reason, form) => ({ reason, from: blockOf(form) })}
      fields={({ from, height, hash }, set) => (
        <>
          <Choice
            label="It goes on from"
            of={(Object.keys(FROM) as From[])
              .filter((one) => one !== "common" || common != null)
              .map((one) => [one, one === "common" ? `${FROM[one]}, ${String(common?.height)}` : FROM[one]] as const)}
            value={from}
            onChange={(event) => set({ from: event.target.value as From })}
          />
          {from !== "other" ? null : (
            <>
              <Input
                label="Height of the block"
                inputMode="numeric"
                value={height}
                onChange={(event) => set({ height: event.target.value })}
              />
              <Input
                label="Hash of the block"
                help="One that the exchange knows."
                spellCheck={false}
                autoComplete="off"
                value={hash}
                onChange={(event) => set({ hash: event.target.value })}
              />
            </>
          )}
        </>
      )}
    />
  );
}

/** The scan of one network. */
export function Scan({ network, teller }: { network: string; teller: Teller }) {
  const scans = useLook("/v1/scans", {}, { topics: ["networks"], every: PACE.live });
  return (
    <Panel
      title="Scan"
      look={scans}
      isEmpty={({ networks }) => !networks.some((one) => one.network === network)}
      empty={<p>It was not scanned yet: it needs an endpoint and a deposit worker.</p>}
    >
      {({ networks }) => {
        const head = networks.find((one) => one.network === network);
        return head === undefined ? null : (
          <div className="stack">
            <Facts
              of={[
                ["Stands", <Stand key="stand" head={head} teller={teller} />],
                ["Head", <Amount key="head" value={head.head} />],
                ["Scanned", <Amount key="scanned" value={head.scanned?.height ?? "nothing"} />],
                ["Last block", <Id key="hash" of={head.scanned?.hash} />],
                ["Behind", <Amount key="behind" value={head.behind} asset="blocks" />],
                ["Final", <Amount key="final" value={head.finalized ?? "the network does not tell"} />],
                ["Endpoints agree up to", <Amount key="agreed" value={head.agreed} />],
                ["Deposits can leave up to", <Amount key="settled" value={head.settled} />],
                [
                  "Last block in common when it halted",
                  head.common == null ? null : (
                    <span key="common" className="row">
                      <Amount value={head.common.height} /> <Id of={head.common.hash} />
                    </span>
                  ),
                ],
              ]}
            />
            {head.halted_since == null ? null : (
              <div className="row">
                <ResumeScan head={head} />
              </div>
            )}
          </div>
        );
      }}
    </Panel>
  );
}

/** What of a network's withdrawals is stopped because something is missing, whichever way. */
export function Payments({ network }: { network: string }) {
  const books = useLook("/v1/reconciliation", {}, { topics: ["money"] });
  const of = ({ stops }: AnswerOf<"/v1/reconciliation">) =>
    stops.filter(({ stopped }) => stopped === network || stopped === "everywhere");
  return (
    <Panel
      title="What stops its withdrawals"
      look={books}
      flush
      isEmpty={(value) => of(value).length === 0}
      empty={<Status tone="good">No discrepancy does. What stops one asset everywhere is under Reconciliation.</Status>}
    >
      {(value) => <Stops stops={of(value)} />}
    </Panel>
  );
}
