/** Whose work goes to a browser with this console, and under which terms. */
import NOTICES from "virtual:notices";

/** The texts, each with all the packages that have it. */
export default function Notices() {
  return (
    <div className="stack">
      <p>
        What a browser gets of this console is made of {NOTICES.packages.length} packages beside our own work, fonts among them.
      </p>
      {NOTICES.texts.map((text, at) => {
        const having = NOTICES.packages.filter((one) => one.text === at);
        const head = having.map(({ name, version, licence }) => `${name} ${version} (${licence})`).join(", ");
        return (
          <section key={head} className="card" aria-label={head}>
            <header>
              <h2>{head}</h2>
            </header>
            <div className="body">
              <pre>{text}</pre>
            </div>
          </section>
        );
      })}
    </div>
  );
}
