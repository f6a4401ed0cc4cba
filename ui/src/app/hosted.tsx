/**
 * Dialogs that outlive what opened them. The row of a list can go while somebody is at its dialog: the dialog stays, is told that what it
 * is about is not there any more, and says so. It goes when it is closed, or when the person goes to another page; what is shown this
 * once goes when it is closed, and in no other way.
 */
import { useRouterState } from "@tanstack/react-router";
import { createContext, Fragment, type ReactNode, useContext, useEffect, useId, useState, useSyncExternalStore } from "react";

interface Open {
  id: string;
  draw: (live: unknown) => ReactNode;
  /** What is on the page now of what it is about; null where nothing is any more. */
  live: unknown;
  /** Whether it outlives the page. */
  isKept: boolean;
}

class Host {
  private open: readonly Open[] = [];
  private readonly watchers = new Set<() => void>();

  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };
  readonly all = (): readonly Open[] => this.open;

  show(one: Open): void {
    this.put([...this.open.filter(({ id }) => id !== one.id), one]);
  }

  /** Tells what is on the page now of what a dialog is about, if it is open. */
  tell(id: string, live: unknown): void {
    if (this.open.some((one) => one.id === id)) this.put(this.open.map((one) => (one.id === id ? { ...one, live } : one)));
  }

  close(id: string): void {
    if (this.open.some((one) => one.id === id)) this.put(this.open.filter((one) => one.id !== id));
  }

  clear(): void {
    if (this.open.some(({ isKept }) => !isKept)) this.put(this.open.filter(({ isKept }) => isKept));
  }

  private put(open: readonly Open[]): void {
    this.open = open;
    for (const watcher of this.watchers) watcher();
  }
}

const Context = createContext<Host | null>(null);

export function Hosted({ children }: { children: ReactNode }) {
  const [host] = useState(() => new Host());
  const path = useRouterState({ select: ({ location }) => location.pathname });
  useEffect(
    () => () => {
      host.clear();
    },
    [host, path],
  );
  return (
    <Context value={host}>
      {children}
      <Drawn host={host} />
    </Context>
  );
}

function Drawn({ host }: { host: Host }) {
  const open = useSyncExternalStore(host.watch, host.all);
  return open.map(({ id, draw, live }) => <Fragment key={id}>{draw(live)}</Fragment>);
}

export interface Hosting<L> {
  /** Opens the dialog, drawn of what is on the page at the time; null where that is not there any more. */
  show: (draw: (live: L | null) => ReactNode) => void;
  /** Opens it in the same place; it stays until it is closed, wherever the person goes. */
  keep: (draw: () => ReactNode) => void;
  close: () => void;
  /** To be drawn beside what opens the dialog: it tells the dialog what is on the page. */
  teller: ReactNode;
}

/** A dialog about `live`, which is what is on the page now. */
export function useHosted<L>(live: L): Hosting<L> {
  const host = useContext(Context);
  if (host === null) throw new Error("a dialog is opened outside of the page");
  const id = useId();
  const [isOpened, setOpened] = useState(false);
  return {
    show: (draw) => {
      setOpened(true);
      host.show({ id, draw: draw as (live: unknown) => ReactNode, live, isKept: false });
    },
    keep: (draw) => {
      host.show({ id, draw, live, isKept: true });
    },
    close: () => {
      host.close(id);
    },
    // A list has many that nobody opens: those have nobody to tell.
    teller: isOpened ? <Teller host={host} id={id} live={live} /> : null,
  };
}

function Teller({ host, id, live }: { host: Host; id: string; live: unknown }) {
  useEffect(() => {
    host.tell(id, live);
  });
  useEffect(
    () => () => {
      host.tell(id, null);
    },
    [host, id],
  );
  return null;
}
