/** One setting: what holds, the places that have values of their own, and what was done to it. */
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useLook } from "../api/look";
import { Button } from "../kit/button";
import { Facts } from "../kit/facts";
import { Choice, Input } from "../kit/field";
import { NETWORKS } from "../kit/filters";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { Foreign, When } from "../kit/values";
import { Change, Danger, type Setting, Value } from "./settings-change";
import { History } from "./settings-history";

interface Props {
  name: string;
  place: string | undefined;
}

export function One({ name, place }: Props) {
  const look = useLook("/v1/settings/{key}", { path: { key: name } }, { topics: ["settings"] });
  const one = look.data?.value;
  return (
    <>
      <p>
        <Link to="/settings" search={{}}>
          All settings
        </Link>
      </p>
      <Panel title="Everywhere" look={look} actions={one === undefined ? null : <Change setting={one} />}>
        {(one) => <What of={one} />}
      </Panel>
      <Panel title="Places with values of their own" look={look} flush>
        {(one) =>
          one.places === "nowhere" ? (
            <p className="flush-text">It has one value for all.</p>
          ) : (
            <div className="stack">
              <Places of={one} />
              <Choose key={place} name={name} places={one.places} />
            </div>
          )
        }
      </Panel>
      {place === undefined ? null : <Placed name={name} place={place} />}
      <History of={place === undefined ? name : `${name}@${place}`} />
    </>
  );
}

function What({ of: one }: { of: Setting }) {
  return (
    <Facts
      of={[
        ["Setting", <Value key="key" of={one.key} />],
        ["Value", <Value key="value" of={one.value} />],
        ["It comes from", one.from == null ? "the default" : <Value key="from" of={one.from} />],
        ["Default", <Value key="default" of={one.default} />],
        ["What it is", <Foreign key="what">{one.description}</Foreign>],
        ["Takes", <Foreign key="takes">{one.takes}</Foreign>],
        ["Danger", <Danger key="danger" of={one.danger} />],
        ["Takes effect", <Foreign key="effect">{one.takes_effect}</Foreign>],
        [
          "One person alone may change it in a day by",
          one.guard_percent == null ? "any amount" : `${String(one.guard_percent)} %`,
        ],
        [
          "Changed",
          one.changed == null ? (
            "never"
          ) : (
            <span key="changed">
              <When at={one.changed.at} /> by <Foreign>{one.changed.by}</Foreign>: <Foreign>{one.changed.reason}</Foreign>
            </span>
          ),
        ],
      ]}
    />
  );
}

/** The place in a key, behind the `@`. */
function placeOf(key: string): string {
  return key.slice(key.indexOf("@") + 1);
}

function Places({ of: one }: { of: Setting }) {
  return (
    <Table
      caption="Places that have a value of their own"
      rows={one.overrides}
      keyOf={(row) => row.key}
      columns={[
        {
          id: "place",
          head: "Place",
          by: (row) => row.key,
          cell: (row) => (
            <Link className="code" to="/settings" search={{ key: one.key, place: placeOf(row.key) }}>
              <Foreign>{placeOf(row.key)}</Foreign>
            </Link>
          ),
        },
        { id: "value", head: "Value", cell: (row) => <Value of={row.value} /> },
        { id: "revision", head: "Revision", numeric: true, cell: (row) => String(row.revision) },
      ]}
    />
  );
}

/** What holds in a place, and the change of it there. */
function Placed({ name, place }: { name: string; place: string }) {
  const look = useLook("/v1/settings/{key}", { path: { key: `${name}@${place}` } }, { topics: ["settings"] });
  const one = look.data?.value;
  return (
    <Panel title="In this place" look={look} actions={one === undefined ? null : <Change setting={one} />}>
      {(one) => <What of={one} />}
    </Panel>
  );
}

/** What a place is made of, by the word that the API has for where a setting may differ. */
const PARTS: Readonly<Record<string, readonly (readonly [string, readonly Part[]])[]>> = {
  networks: [["a network", ["network"]]],
  assets: [
    ["a network", ["network"]],
    ["an asset", ["asset"]],
    ["an asset on a network", ["asset", "network"]],
  ],
  workers: [
    ["a network", ["network"]],
    ["a kind of workers", ["kind"]],
    ["a kind of workers on a network", ["kind", "network"]],
    ["one worker", ["worker"]],
  ],
};
type Part = "network" | "asset" | "kind" | "worker";

const HELP: Readonly<Record<Exclude<Part, "network">, string>> = {
  asset: "Its number.",
  kind: "Such as withdrawal.",
  worker: "Such as deposit/bitcoin-1.",
};

function Choose({ name, places }: { name: string; places: string }) {
  const navigate = useNavigate();
  const kinds = PARTS[places] ?? [];
  const [which, setWhich] = useState(kinds[0]?.[0] ?? "");
  const [given, setGiven] = useState<Readonly<Record<Part, string>>>({ network: NETWORKS[0], asset: "", kind: "", worker: "" });
  const parts = kinds.find(([word]) => word === which)?.[1] ?? [];
  const isWhole = parts.every((part) => given[part].trim() !== "");
  return (
    <form
      className="row flush-text"
      aria-label="Go to a place"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isWhole) return;
        const place = parts.map((part) => `${part}:${given[part].trim()}`).join(",");
        void navigate({ to: "/settings", search: { key: name, place } });
      }}
    >
      <Choice
        label="What holds for"
        of={kinds.map(([word]) => word)}
        value={which}
        onChange={(event) => setWhich(event.target.value)}
      />
      {parts.map((part) =>
        part === "network" ? (
          <Choice
            key={part}
            label="Network"
            of={NETWORKS}
            value={given.network}
            onChange={(event) => setGiven({ ...given, network: event.target.value })}
          />
        ) : (
          <Input
            key={part}
            label={{ asset: "Asset", kind: "Kind", worker: "Worker" }[part]}
            help={HELP[part]}
            value={given[part]}
            spellCheck={false}
            onChange={(event) => setGiven({ ...given, [part]: event.target.value })}
          />
        ),
      )}
      <Button type="submit" why={isWhole ? null : "Say which."}>
        Look and change there
      </Button>
    </form>
  );
}
