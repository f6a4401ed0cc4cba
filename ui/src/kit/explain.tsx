/** How a code of what went wrong is explained: a command to be copied. */
import { Id } from "./values";

const CODE = /\bEXQ-\d{4}\b/g;

/** Nothing where it is no code of ours: the dialect has numbers of its own, which are explained elsewhere. */
export function Explain({ code }: { code: string }) {
  return /^EXQ-\d{4}$/.test(code) ? <Id of={`exchequer explain ${code}`} chars={64} /> : null;
}

/** The same for each code that a text names, once. */
export function ExplainIn({ text }: { text: string | null | undefined }) {
  return [...new Set((text ?? "").match(CODE))].map((code) => <Explain key={code} code={code} />);
}
