/** Goes to a job, a directive or a command that somebody has the number or the id of. */
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Button } from "../kit/button";
import { Choice, Input } from "../kit/field";

const KINDS = ["command", "job", "directive"] as const;
type Kind = (typeof KINDS)[number];

/** What names one of them, and how that is written. */
const NAMES: Readonly<Record<Kind, readonly [RegExp, string]>> = {
  command: [/^[0-9a-f]{32}$/i, "The id of a command has 32 hexadecimal digits."],
  job: [/^\d{1,15}$/, "A job has a number."],
  directive: [/^\d{1,15}$/, "A directive has a number."],
};

export function LookUp() {
  const navigate = useNavigate();
  const [kind, setKind] = useState<Kind>("command");
  const [typed, setTyped] = useState("");
  const name = typed.trim();
  const [fits, rule] = NAMES[kind];
  const go = () => {
    if (kind === "command") void navigate({ to: "/commands/$command", params: { command: name.toLowerCase() } });
    else if (kind === "job") void navigate({ to: "/jobs/$job", params: { job: name } });
    else void navigate({ to: "/directives/$directive", params: { directive: name } });
  };
  return (
    <form
      className="row"
      role="search"
      aria-label="By number or id"
      onSubmit={(event) => {
        event.preventDefault();
        if (fits.test(name)) go();
      }}
    >
      <Choice label="Look up a" of={KINDS} value={kind} onChange={(event) => setKind(event.target.value as Kind)} />
      <Input
        label={kind === "command" ? "Id" : "Number"}
        size={34}
        value={typed}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setTyped(event.target.value)}
      />
      <Button type="submit" why={fits.test(name) ? null : rule}>
        Look up
      </Button>
    </form>
  );
}
