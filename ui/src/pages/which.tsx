/** Those that are open, or those that are over: two lists of the API, each with its address. */
import { Link } from "@tanstack/react-router";

interface Props {
  tab: "jobs" | "directives";
  over: boolean;
  /** What the list of open ones is called. */
  open: string;
}

export function Which({ tab, over, open }: Props) {
  return (
    <nav className="tabs" aria-label="Open or over">
      <Link to="/jobs" search={{ tab }} aria-current={over ? undefined : "page"}>
        {open}
      </Link>
      <Link to="/jobs" search={{ tab, over: true }} aria-current={over ? "page" : undefined}>
        Over
      </Link>
    </nav>
  );
}
