/**
 * Transactions where anybody can look them up. A sandbox pays on test networks, which these do not know: there, and as long as it is
 * not known whether this is one, a transaction is its hash alone.
 */
import { ExternalLink } from "lucide-react";
import { type NetworkName, networkOf } from "../kit/filters";
import { Id } from "../kit/values";
import { useStanding } from "./standing";

/** Who shows a network's transactions, and how one is addressed there. */
const EXPLORERS: Readonly<Record<NetworkName, readonly [string, string]>> = {
  bitcoin: ["mempool.space", "https://mempool.space/tx/"],
  ethereum: ["etherscan.io", "https://etherscan.io/tx/0x"],
  polygon: ["polygonscan.com", "https://polygonscan.com/tx/0x"],
  bsc: ["bscscan.com", "https://bscscan.com/tx/0x"],
  arbitrum: ["arbiscan.io", "https://arbiscan.io/tx/0x"],
  tron: ["tronscan.org", "https://tronscan.org/#/transaction/"],
};

/** A hash as the API tells it; nothing else gets into an address. */
const HASH = /^[0-9a-f]{64}$/i;

/** Where a transaction is shown, and by whom; null where nobody is known to. */
export function explorerOf(network: string, tx: string): { name: string; href: string } | null {
  const known = networkOf(network);
  if (known === undefined || !HASH.test(tx)) return null;
  const [name, address] = EXPLORERS[known];
  return { name, href: address + tx };
}

interface Props {
  network: string;
  tx: string | null | undefined;
  chars?: number;
}

/** A transaction: its hash to copy, and the way to its network's explorer where that has it. */
export function Transaction({ network, tx, chars }: Props) {
  const { status } = useStanding();
  const at = tx == null || status?.sandbox !== false ? null : explorerOf(network, tx);
  return (
    <span className="row on-chain">
      <Id of={tx} {...(chars === undefined ? {} : { chars })} />
      {at === null ? null : (
        <a href={at.href} target="_blank" rel="noopener noreferrer">
          {at.name}
          <ExternalLink aria-hidden="true" size={13} />
          <span className="visually-hidden">: transaction {tx}, in a new window</span>
        </a>
      )}
    </span>
  );
}
