import { useQueryClient } from "@tanstack/react-query";
import type { components } from "../api/schema.gen";
import { consentBytes, paymentHash } from "../api/signing";
import { Facts } from "../kit/facts";
import { Status } from "../kit/status";
import { Amount, Foreign, When } from "../kit/values";
import { rememberPaid } from "./approval-key";
import { contradiction, isKnown } from "./known-assets";
import { useSession } from "./session";
import { SignedAct, useOwnKey } from "./signed-act";
import { useStanding } from "./standing";

/** Consent to a withdrawal, signed over what is listed. */
export function ApproveWithdrawal({ withdrawal: one }: { withdrawal: components["schemas"]["Withdrawal"] }) {
  const { status } = useStanding();
  const { who } = useSession();
  const client = useQueryClient();
  const known = useOwnKey().kept?.assets ?? [];
  const untrue = contradiction(known, one);
  const until = new Date(one.approve_until_us / 1_000).toISOString();
  return (
    <SignedAct
      change="POST /v1/withdrawals/{withdrawal}/approve"
      names={{ withdrawal: one.withdrawal }}
      label="Approve"
      subject={String(one.withdrawal)}
      title={`Approve withdrawal ${String(one.withdrawal)}`}
      why={status === undefined ? "It is not known yet which cluster this is." : null}
      about="You sign asset number, network, address, amount on the network, memo and the most that the network may take, as they are listed here. The other words are the node's."
      shown={[one.warning, one.destination, one.usd, one.initiator, one.asset, one.receives]}
      bytes={() => {
        if (untrue !== null) throw new Error(`${untrue} Nothing is signed.`);
        const hash = paymentHash({ ...one, memo: one.memo ?? null });
        if (hash !== one.hash) throw new Error("The hash that the node shows is not that of this payment. Nothing is signed.");
        return consentBytes(status?.cluster_id ?? "", one.withdrawal, hash, one.approve_until_us);
      }}
      body={(key, signature) => ({ key, signature })}
      after={async () => {
        await rememberPaid(who.name, one);
        await client.invalidateQueries({ queryKey: ["own key"] });
      }}
      done={({ state }) => ({ tone: "good", text: `Withdrawal ${String(one.withdrawal)} has your approval; it is ${state}.` })}
    >
      {one.warning == null ? null : (
        <p role="alert">
          <Status tone="bad">
            <strong>{one.warning}</strong>
          </Status>
        </p>
      )}
      {untrue === null ? null : (
        <p role="alert">
          <Status tone="bad">{untrue}</Status>
        </p>
      )}
      {untrue !== null || isKnown(known, one) ? null : (
        <p>
          <Status tone="warn">
            This browser does not know yet what asset {one.asset_number} on {one.network} is: compare its number and decimals on
            the command line (exchequer asset list, exchequer listing list). It is remembered with your approval.
          </Status>
        </p>
      )}
      <Facts
        of={[
          ["Withdrawal", String(one.withdrawal)],
          ["Network", one.network],
          [
            "To",
            <strong key="to" className="code">
              <Foreign>{one.address}</Foreign>
            </strong>,
          ],
          ["That address is", one.destination],
          ["Asset", `number ${String(one.asset_number)}, which the node calls ${one.asset}`],
          ["Amount on the network", <Amount key="units" value={one.on_chain} asset={`smallest units of ${one.asset}`} />],
          ["That is", <Amount key="amount" value={one.receives} asset={one.asset} />],
          ["Memo", one.memo == null ? "none" : <Foreign key="memo">{one.memo}</Foreign>],
          ["The network may take at most", <Amount key="cap" value={one.fee_cap} asset="minor units of its coin" />],
          ["Worth when asked for", one.usd == null ? "nobody could say" : <Amount key="usd" value={one.usd} asset="USD" />],
          ["User", String(one.user)],
          ["Asked for by", one.initiator === "" ? "its user" : one.initiator],
          ["The client calls it", one.client_id === "" ? null : <Foreign key="client">{one.client_id}</Foreign>],
          ["Valid until", <When key="until" at={until} />],
        ]}
      />
    </SignedAct>
  );
}
