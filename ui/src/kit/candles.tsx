/** Candles of a market. The library draws; the same numbers are a table for those who do not see it. */
import { CandlestickSeries, createChart, HistogramSeries, type UTCTimestamp } from "lightweight-charts";
import { useEffect, useRef } from "react";
import { visible } from "./text";
import { token, useTheme } from "./tokens";

export interface Candle {
  /** When it begins, in milliseconds since 1970. */
  at: number;
  open: string;
  high: string;
  low: string;
  close: string;
  volume: string;
}

const HEIGHT_PX = 340;

export function Candles({ candles, title }: { candles: readonly Candle[]; title: string }) {
  const place = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  useEffect(() => {
    if (place.current === null) return undefined;
    const chart = createChart(place.current, {
      height: HEIGHT_PX,
      autoSize: true,
      layout: { background: { color: token("--panel") }, textColor: token("--muted"), attributionLogo: false },
      grid: { vertLines: { color: token("--line") }, horzLines: { color: token("--line") } },
      timeScale: { timeVisible: true, borderColor: token("--line") },
      rightPriceScale: { borderColor: token("--line") },
    });
    const [good, bad] = [token("--good"), token("--bad")];
    const prices = chart.addSeries(CandlestickSeries, {
      upColor: good,
      downColor: bad,
      wickUpColor: good,
      wickDownColor: bad,
      borderVisible: false,
    });
    const volumes = chart.addSeries(HistogramSeries, { priceScaleId: "volume", color: token("--line-strong") });
    chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    // For drawing alone: what is on the screen has fewer digits than a price.
    const time = (at: number) => Math.floor(at / 1_000) as UTCTimestamp;
    prices.setData(
      candles.map((one) => ({
        time: time(one.at),
        open: Number(one.open),
        high: Number(one.high),
        low: Number(one.low),
        close: Number(one.close),
      })),
    );
    volumes.setData(candles.map((one) => ({ time: time(one.at), value: Number(one.volume) })));
    chart.timeScale().fitContent();
    return () => {
      chart.remove();
    };
  }, [candles, theme]);
  const last = candles.at(-1);
  return (
    <div
      role="img"
      aria-label={`${visible(title)}: ${String(candles.length)} candles, the last close ${visible(last?.close ?? "none")}`}
      style={{ height: HEIGHT_PX }}
      ref={place}
    />
  );
}
