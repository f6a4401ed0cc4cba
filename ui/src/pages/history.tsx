/** What a figure was in the last day: drawn, as a table, and in words. The address says which, and of which part of the day. */
import { getRouteApi, Link } from "@tanstack/react-router";
import { Copy } from "lucide-react";
import { useCallback, useMemo } from "react";
import { useLook } from "../api/look";
import { Button } from "../kit/button";
import { Choice, Input } from "../kit/field";
import { Narrow } from "../kit/filters";
import { Lines } from "../kit/lines";
import { Page } from "../kit/page";
import { Panel } from "../kit/panel";
import { Table } from "../kit/table";
import { capital, utc } from "../kit/text";
import { toast } from "../kit/toast";
import { Amount } from "../kit/values";
import * as points from "./history-points";
import { EVERY_MS, type History as Answer } from "./past";
import { pointsOf, type SeriesName, seriesOf, TITLES } from "./series";

const route = getRouteApi("/history");
const RANGES: readonly (readonly [points.RangeName, string])[] = [
  ["15m", "Last 15 min"],
  ["1h", "Last hour"],
  ["6h", "Last 6 h"],
  ["24h", "Whole day"],
];
const VIEWS = ["chart", "table"] as const;
/** A part that was drawn over is none of those that are named. */
const EXACTLY = { exact: true, explicitUndefined: true } as const;
/** Labels beside the axis of values. */
const LABELS = 6;
const BEFORE_ALL = -(2n ** 200n);

export function History() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const series = seriesOf(search.series) ?? "workers_running";
  const query = { series, points: pointsOf(series) };
  const look = useLook("/v1/history", { query }, { every: EVERY_MS });
  const assets = look.data?.value.series.flatMap(({ asset }) => asset ?? []) ?? [];
  const chosen = points.chosenOf(search);
  const set = (next: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...next }) });
  const cut = { from: undefined, to: undefined };
  return (
    <Page title="History">
      <div className="row" role="search">
        <Choice
          label="Figure"
          of={Object.entries(TITLES)}
          value={series}
          onChange={(event) => set({ series: event.target.value, asset: undefined })}
        />
        {assets.length > 1 ? <Narrow label="Asset" of={assets} value={search.asset} set={(asset) => set({ asset })} /> : null}
        <nav className="tabs" aria-label="Part of the day">
          {RANGES.map(([range, title]) => (
            <Link
              key={range}
              to="/history"
              search={{ ...search, ...cut, range }}
              activeOptions={EXACTLY}
              aria-current={chosen === null && points.rangeOf(search) === range ? "page" : undefined}
            >
              {title}
            </Link>
          ))}
        </nav>
        <Moment label="From (UTC)" value={search.from} set={(from) => set({ from })} />
        <Moment label="To (UTC)" value={search.to} set={(to) => set({ to })} />
      </div>
      <nav className="tabs" aria-label="As what">
        {VIEWS.map((view) => (
          <Link
            key={view}
            to="/history"
            search={{ ...search, view }}
            aria-current={(search.view === "table") === (view === "table") ? "page" : undefined}
          >
            {capital(view)}
          </Link>
        ))}
      </nav>
      <Panel
        title={TITLES[series]}
        look={look}
        isEmpty={(history) => history.series.every((one) => one.points.length === 0)}
        empty={<p>The node has no sample of it yet. It takes one a minute, and begins anew when it is started.</p>}
      >
        {(history) => <Part history={history} series={series} readAt={look.dataUpdatedAt} />}
      </Panel>
    </Page>
  );
}

/** A moment of the address; none where it is left empty. */
function Moment({ label, value, set }: { label: string; value: string | undefined; set: (to: string | undefined) => void }) {
  return (
    <Input
      label={label}
      type="datetime-local"
      value={value?.replace("Z", "") ?? ""}
      onChange={(event) => set(event.target.value === "" ? undefined : `${event.target.value.slice(0, 16)}Z`)}
    />
  );
}

function Part({ history, series, readAt }: { history: Answer; series: SeriesName; readAt: number }) {
  const search = route.useSearch();
  const { from, to, range, view } = search;
  // An asset that this series has not is none.
  const asset = history.series.find((one) => one.asset != null && one.asset === search.asset)?.asset ?? undefined;
  const navigate = route.useNavigate();
  const part = useMemo(() => points.partOf({ from, to, range }, history, readAt), [from, to, range, history, readAt]);
  const drawn = useMemo(() => points.pointsIn(history, part, asset), [history, part, asset]);
  const axis = useMemo(() => points.axisOf(drawn, history.series[0]?.unit ?? "count", LABELS), [drawn, history]);
  const clock = useMemo(() => points.clock(part), [part]);
  const zoom = useCallback(
    (from: number, to: number) => void navigate({ search: (old) => ({ ...old, ...points.zoomed({ from, to }) }) }),
    [navigate],
  );
  const whole = useCallback(
    () => void navigate({ search: (old) => ({ ...old, range: undefined, from: undefined, to: undefined }) }),
    [navigate],
  );
  const extent = points.extent(history, drawn, part);
  const told = drawn.lines.map((line) => points.told(drawn, line, part));
  const isOwn = history.series.some(({ source }) => source === "node");
  return (
    <div className="stack">
      {view === "table" ? (
        <Rows drawn={drawn} title={TITLES[series]} />
      ) : (
        <Lines
          {...{ drawn, axis, clock, zoom, whole }}
          from={part.from}
          to={part.to}
          moment={utc}
          summary={[`${TITLES[series]}.`, extent, ...told].join(" ")}
        />
      )}
      <div>
        <p>{extent}</p>
        {told.map((text) => (
          <p key={text}>{text}</p>
        ))}
        <p className="muted">
          {isOwn ? "Of this node itself: others have their own." : "The same at every node that keeps up."}
          {view === "table" ? "" : " Draw over a part of it to see that alone; a double click shows the whole day again."}
        </p>
      </div>
    </div>
  );
}

interface Row {
  at: number;
  index: number;
}

function Rows({ drawn, title }: { drawn: points.Points; title: string }) {
  const rows = useMemo<Row[]>(() => {
    const isThere = (index: number) => drawn.lines.some(({ values }) => values[index] != null);
    const all = drawn.moments.map((at, index) => ({ at, index }));
    return all.filter(({ index }) => isThere(index)).reverse();
  }, [drawn]);
  return (
    <>
      <div className="row">
        <Button
          onClick={() => {
            navigator.clipboard.writeText(points.copied(drawn)).then(
              () => toast("Copied."),
              () => toast("The browser does not let this page copy.", "bad"),
            );
          }}
        >
          <Copy aria-hidden="true" size={13} /> Copy the table
        </Button>
      </div>
      <Table
        caption={`${title}, the newest first`}
        rows={rows}
        keyOf={({ at }) => String(at)}
        columns={[
          { id: "at", head: "When", by: ({ at }) => at, cell: ({ at }) => utc(at) },
          ...drawn.lines.map(({ name, texts, values }, line) => ({
            id: String(line),
            head: name === "" ? "Value" : name,
            numeric: true,
            by: ({ index }: Row) => values[index] ?? BEFORE_ALL,
            cell: ({ index }: Row) => <Amount value={texts[index]} />,
          })),
        ]}
      />
    </>
  );
}
