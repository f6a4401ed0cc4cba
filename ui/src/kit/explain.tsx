/** How a code of what went wrong is explained: a link to what it means and what to do. */
import { Id } from "./values";

const CODE = /\bEXQ-\d{4}\b/g;

/**
 * Nothing where it is no code of ours: the dialect has numbers of its own, which are explained elsewhere. It opens beside what is on the
 * page: whoever meets a code has a dialog half filled in, or a table that they read.
 */
export function Explain({ code }: { code: string }) {
  if (!/^EXQ-\d{4}$/.test(code)) return null;
  return (
    <a href={`/ui/about?tab=codes&code=${code}`} target="_blank" rel="noreferrer">
      What {code} means
    </a>
  );
}

/** The same with the command that says it: where a node does not answer, its pages do not come either. */
export function ExplainAnywhere({ code }: { code: string }) {
  return /^EXQ-\d{4}$/.test(code) ? (
    <>
      <Explain code={code} /> <Id of={`exchequer explain ${code}`} chars={64} />
    </>
  ) : null;
}

/** The same for each code that a text names, once. */
export function ExplainIn({ text }: { text: string | null | undefined }) {
  return [...new Set((text ?? "").match(CODE))].map((code) => <Explain key={code} code={code} />);
}
