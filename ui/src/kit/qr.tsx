/** A text as a picture that a camera reads. Its own part of the console, loaded when there is one to show. */
import { encode } from "uqr";

/** So much white around it, in squares: readers find it by that. */
const BORDER = 4;

/** The dark squares, a line of the picture at a time; nothing where the text does not fit into a picture. */
export function squaresOf(text: string): { size: number; path: string } | null {
  try {
    const { data, size } = encode(text, { ecc: "M", border: BORDER });
    const runs = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${String(x)} ${String(y)}h1v1h-1z`] : [])));
    return { size, path: runs.join("") };
  } catch {
    return null;
  }
}

/** Always dark on white, whatever the theme: not every reader reads the other way round. */
export default function Qr({ text, label }: { text: string; label: string }) {
  const squares = squaresOf(text);
  if (squares === null) return <p className="muted">It cannot be drawn as a picture: use the text.</p>;
  const { size, path } = squares;
  return (
    <svg
      className="qr"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${String(size)} ${String(size)}`}
      shapeRendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
