import type { components } from "../api/schema.gen";
import { consentBytes, paymentHash } from "../api/signing";
import { Facts } from "../kit/facts";
import { Amount, Foreign, When } from "../kit/values";
import { SignedAct } from "./signed-act";
import { useStanding } from "./standing";

/** Consent to a withdrawal, signed over what is listed. */
export function ApproveWithdrawal({ withdrawal: one }: { withdrawal: components["schemas"]["Withdrawal"] }) {
  const { status } = useStanding();
  const until = new Date(one.approve_until_us / 1_000).toISOString();
  return (
    <SignedAct
      change="POST /v1/withdrawals/{withdrawal}/approve"
      names={{ withdrawal: one.withdrawal }}
      label="Approve"
      title={`Approve withdrawal ${String(one.withdrawal)}`}
      why={status === undefined ? "It is not known yet which cluster this is." : null}
      bytes={() => {
        const hash = paymentHash({ ...one, memo: one.memo ?? null });
        if (hash !== one.hash) throw new Error("The hash that the node shows is not that of this payment. Nothing is signed.");
        return consentBytes(status?.cluster_id ?? "", one.withdrawal, hash, one.approve_until_us);
      }}
      body={(key, signature) => ({ key, signature })}
      done={`Withdrawal ${String(one.withdrawal)} has your approval.`}
    >
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
          ["Amount on the network", <Amount key="units" value={one.on_chain} asset={`smallest units of ${one.asset}`} />],
          ["That is", <Amount key="amount" value={one.receives} asset={one.asset} />],
          ["Memo", one.memo == null ? "none" : <Foreign key="memo">{one.memo}</Foreign>],
          ["The network may take at most", <Amount key="cap" value={one.fee_cap} asset="minor units of its coin" />],
          ["User", String(one.user)],
          ["Valid until", <When key="until" at={until} />],
        ]}
      />
    </SignedAct>
  );
}
