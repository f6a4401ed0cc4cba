/** What each code of what went wrong means, why it comes, and what to do: what `exchequer explain` says. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Fragment } from "react";
import TEXTS from "virtual:codes";
import { Input } from "../kit/field";
import { type Block, blocksOf, partsOf } from "../kit/prose";
import { Table } from "../kit/table";
import { Id } from "../kit/values";

const CODES = Object.entries(TEXTS).map(([code, text]) => ({
  code,
  text,
  title: text.slice(0, text.indexOf("\n")).replace(/^# \S+: /, ""),
}));

const route = getRouteApi("/about");

export default function Codes() {
  const { code, find = "" } = route.useSearch();
  const navigate = route.useNavigate();
  if (code !== undefined) return <One code={code} />;
  const wanted = find.toLowerCase();
  return (
    <>
      <div className="row" role="search">
        <Input
          label="With the text"
          value={find}
          onChange={({ target: { value } }) =>
            void navigate({ search: (old) => ({ ...old, find: value === "" ? undefined : value }), replace: true })
          }
        />
      </div>
      <Table
        caption="Codes of what can go wrong"
        rows={CODES.filter(({ text }) => text.toLowerCase().includes(wanted))}
        keyOf={(row) => row.code}
        columns={[
          {
            id: "code",
            head: "Code",
            cell: (row) => (
              <Link to="/about" search={{ tab: "codes", code: row.code }}>
                {row.code}
              </Link>
            ),
          },
          { id: "title", head: "What it says", cell: (row) => row.title },
        ]}
      />
    </>
  );
}

function One({ code }: { code: string }) {
  const text = TEXTS[code];
  return (
    <article aria-label={code}>
      <p>
        <Link to="/about" search={{ tab: "codes" }}>
          All codes
        </Link>
      </p>
      {text === undefined ? (
        <p>This console knows no such code. A node of a later release may.</p>
      ) : (
        <>
          {blocksOf(text).map((block, at) => (
            <Part key={at} of={block} />
          ))}
          <p className="muted">
            The same on a command line: <Id of={`exchequer explain ${code}`} chars={64} />
          </p>
        </>
      )}
    </article>
  );
}

function Part({ of: { kind, lines } }: { of: Block }) {
  const all = lines.map((line, at) => <Words key={at} of={line} />);
  if (kind === "heading") return <h2>{all}</h2>;
  if (kind === "text") return <p>{all}</p>;
  const points = all.map((one, at) => <li key={at}>{one}</li>);
  return kind === "steps" ? <ol>{points}</ol> : <ul>{points}</ul>;
}

const Words = ({ of }: { of: string }) =>
  partsOf(of).map((part, at) => <Fragment key={at}>{at % 2 === 1 ? <code>{part}</code> : part}</Fragment>);
