/** Cancelling the orders of a user in a market: the API cancels by user, never those of everybody. */
import { Act } from "../app/act";
import { useLook } from "../api/look";
import { Choice, Input } from "../kit/field";

const ROWS = 100;
const SIDES = [
  ["", "both"],
  ["buy", "buy"],
  ["sell", "sell"],
] as const;
interface Form {
  user: string;
  side: string;
}

const isNumber = (text: string) => /^[1-9]\d{0,14}$/.test(text);

export function CancelOrders({ symbol }: { symbol: string }) {
  const useMore = ({ user, side }: Form) => {
    const isUser = isNumber(user);
    const orders = useLook(
      "/v1/orders",
      { query: { user: Number(user), market: symbol, limit: ROWS } },
      { topics: ["markets"], enabled: isUser },
    );
    const wrong = isUser ? null : "Give the user's number.";
    if (!isUser) return { wrong, consequence: null };
    if (orders.data === undefined)
      return {
        wrong,
        consequence:
          orders.error === null
            ? "Its open orders are being read."
            : `How many orders that are is not known: ${orders.error.message}`,
      };
    const all = orders.data.value.orders;
    const count = all.filter((one) => side === "" || one.side === side).length;
    // A full page says nothing of what is behind it.
    const least = all.length < ROWS ? "" : "at least ";
    return {
      wrong,
      consequence: `User ${user} has ${least}${String(count)} open ${side === "" ? "" : `${side} `}orders in ${symbol}. All of them are cancelled, and what they held is free again.`,
    };
  };
  return (
    <Act<"POST /v1/orders/cancel-all", Form>
      change="POST /v1/orders/cancel-all"
      names={undefined}
      label="Cancel a user's orders"
      subject={({ user }) => `orders of user ${user === "" ? "…" : user} in ${symbol}`}
      form={{ user: "", side: "" }}
      reasonless
      useMore={useMore}
      body={(_, { user, side }) => ({
        user: Number(user),
        market: symbol,
        ...(side === "" ? {} : { side: side as "buy" | "sell" }),
      })}
      fields={({ user, side }, set) => (
        <>
          <Input
            label="User"
            inputMode="numeric"
            value={user}
            autoComplete="off"
            onChange={(event) => set({ user: event.target.value.trim() })}
          />
          <Choice label="Side" of={SIDES} value={side} onChange={(event) => set({ side: event.target.value })} />
        </>
      )}
      done={({ orders }) => `${String(orders.length)} orders were cancelled in ${symbol}.`}
    />
  );
}
