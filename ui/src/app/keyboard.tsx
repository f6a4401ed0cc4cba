/** Keys: `g` and a letter go to a page, `/` or Ctrl-K opens the palette, `t` goes to what was told, `?` lists the keys. Off where something is typed. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useId, useMemo, useRef, useState } from "react";
import { Dialog } from "../kit/dialog";
import { focusToasts } from "../kit/toast";
import { PAGES } from "./pages";
import { useSession } from "./session";

/** After `g` this long is waited for the letter, in milliseconds. */
const SEQUENCE_MS = 1_200;

/** Whether keys are somebody else's: of a field that is typed into. */
function isTaken(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Whether a dialog is open: it is left by its own buttons, and no key goes to another page behind it. */
function isAtDialog(): boolean {
  return document.querySelector('[role="dialog"]') !== null;
}

export function Keyboard() {
  const navigate = useNavigate();
  const { can } = useSession();
  const [shown, show] = useState<"palette" | "help" | null>(null);
  const begun = useRef(0);

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === "k" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        if (!isAtDialog()) show("palette");
        return;
      }
      if (isAtDialog()) {
        begun.current = 0;
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target)) return;
      const isSequence = Date.now() - begun.current < SEQUENCE_MS;
      begun.current = 0;
      if (isSequence) {
        const page = PAGES.find(({ key, permission }) => key === event.key && can(permission));
        if (page !== undefined) void navigate({ to: page.to });
        return;
      }
      if (event.key === "g") begun.current = Date.now();
      else if (event.key === "?") show("help");
      else if (event.key === "t") focusToasts();
      else if (event.key === "/") {
        event.preventDefault();
        show("palette");
      } else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
    };
    window.addEventListener("keydown", press);
    return () => {
      window.removeEventListener("keydown", press);
    };
  }, [navigate, can]);

  const close = () => {
    show(null);
  };
  if (shown === "palette") return <Palette close={close} />;
  return shown === "help" ? <Help close={close} /> : null;
}

/** The next or former link in a table's first column. */
function step(by: 1 | -1): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>(".main table tbody tr td:first-child a")];
  const at = links.findIndex((link) => link === document.activeElement);
  links.at(at === -1 ? (by === 1 ? 0 : -1) : Math.min(links.length - 1, Math.max(0, at + by)))?.focus();
}

function Help({ close }: { close: () => void }) {
  const { can } = useSession();
  return (
    <Dialog open onOpenChange={close} title="Keys">
      <dl className="facts">
        {PAGES.filter(({ permission }) => can(permission)).map(({ key, title }) => (
          <div key={key} style={{ display: "contents" }}>
            <dt>
              <kbd>g</kbd> <kbd>{key}</kbd>
            </dt>
            <dd>{title}</dd>
          </div>
        ))}
        <dt>
          <kbd>j</kbd> <kbd>k</kbd>
        </dt>
        <dd>next and former row</dd>
        <dt>
          <kbd>t</kbd>
        </dt>
        <dd>to what was told last, in the corner</dd>
        <dt>
          <kbd>/</kbd> or <kbd>Ctrl K</kbd>
        </dt>
        <dd>go to a page, a withdrawal, a worker</dd>
        <dt>
          <kbd>Esc</kbd>
        </dt>
        <dd>close</dd>
      </dl>
    </Dialog>
  );
}

interface Target {
  title: string;
  to: string;
}

/** What a text could mean besides a page: things that have a number, and workers' names. */
function things(text: string): Target[] {
  const number = /^(?:([a-z]+) )?(\d+)$/.exec(text.trim());
  const found: Target[] = [];
  if (number !== null) {
    const [, noun, digits = ""] = number;
    const nouns = [
      ["withdrawal", "/withdrawals/"],
      ["user", "/users/"],
      ["proposal", "/approvals/"],
    ] as const;
    for (const [word, to] of nouns)
      if (noun === undefined || word.startsWith(noun)) found.push({ title: `${word} ${digits}`, to: to + digits });
  }
  if (/^[a-z-]+\/[a-z0-9-]+$/.test(text.trim())) {
    found.push({ title: `worker ${text.trim()}`, to: `/workers/${encodeURIComponent(text.trim())}` });
  }
  return found;
}

function Palette({ close }: { close: () => void }) {
  const navigate = useNavigate();
  const { can } = useSession();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const targets = useMemo<Target[]>(() => {
    const wanted = text.trim().toLowerCase();
    const pages = PAGES.filter(
      ({ permission, title, words }) => can(permission) && `${title} ${words}`.toLowerCase().includes(wanted),
    );
    return [...things(text), ...pages];
  }, [text, can]);
  const go = (target: Target | undefined) => {
    if (target === undefined) return;
    close();
    void navigate({ to: target.to });
  };
  return (
    <Dialog open onOpenChange={close} title="Go to">
      <input
        role="combobox"
        aria-label="A page, a number, a worker"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={targets.length === 0 ? undefined : `${list}-${String(at)}`}
        placeholder="A page, withdrawal 12, deposit/bitcoin-1 …"
        value={text}
        autoFocus
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setAt(Math.min(targets.length - 1, at + 1));
          else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
          else if (event.key === "Enter") go(targets[at]);
          else return;
          event.preventDefault();
        }}
      />
      <ul id={list} role="listbox" aria-label="Places" className="palette">
        {targets.map((target, index) => (
          // Its keys are those of the field above, which holds the focus.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <li
            key={target.to}
            id={`${list}-${String(index)}`}
            role="option"
            aria-selected={index === at}
            onClick={() => {
              go(target);
            }}
            onMouseMove={() => {
              setAt(index);
            }}
          >
            {target.title}
          </li>
        ))}
      </ul>
      {targets.length === 0 ? <p className="muted">Nothing is called that.</p> : null}
    </Dialog>
  );
}
