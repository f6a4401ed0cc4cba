/** The little of Markdown that our own explanations are written in, as blocks. */

export interface Block {
  kind: "heading" | "text" | "points" | "steps";
  /** What it says: of points and steps, one after the other. */
  lines: string[];
}

/** The blocks of a text: headings, paragraphs, points and numbered steps, the lines of each joined. */
export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open = null as Block | null;
  for (const line of text.split("\n")) {
    const [, heading] = /^#+ (.*)/.exec(line) ?? [];
    const [, point] = /^- (.*)/.exec(line) ?? [];
    const [, step] = /^\d+\. (.*)/.exec(line) ?? [];
    if (line.trim() === "") {
      // Between points there may be an empty line: what comes next says what it is.
      if (open?.kind === "text") open = null;
    } else if (heading !== undefined) {
      blocks.push({ kind: "heading", lines: [heading] });
      open = null;
    } else if (point !== undefined || step !== undefined) {
      const kind = point === undefined ? "steps" : "points";
      if (open?.kind !== kind) blocks.push((open = { kind, lines: [] }));
      open.lines.push(point ?? step ?? "");
    } else if (open === null || (open.kind !== "text" && !line.startsWith(" "))) {
      blocks.push((open = { kind: "text", lines: [line] }));
    } else {
      open.lines.push(`${open.lines.pop() ?? ""} ${line.trim()}`);
    }
  }
  return blocks;
}

/** A line in parts: every second one is what stands between backquotes. Emphasis is left to the words. */
export const partsOf = (line: string): string[] => line.replaceAll("**", "").split("`");
