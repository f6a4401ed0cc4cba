/**
 * A node that answers every read with something that fits the description of the API (docs/openapi.json): lists with rows or
 * without, texts that are harmless or that try to be obeyed. For tests of pages; nothing of it is in the console.
 */
import text from "../../../docs/openapi.json?raw";

interface Schema {
  $ref?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  type?: string | string[];
  pattern?: string;
  minimum?: number;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  required?: string[];
}
interface Operation {
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}
interface Description {
  paths: Record<string, { get?: Operation; post?: Operation }>;
  components: { schemas: Record<string, Schema> };
}

const description = JSON.parse(text) as Description;

/** What a text of others can try: markup, a way out of an attribute, and characters that turn, hide or ring. */
export const EVIL = `<img src=x onerror="document.title='run'">" onmouseover="x <script>document.title='run'</script>\u202e\u0007\u200bend`;

/** What lists hold: rows, none, or rows whose texts are `EVIL`. */
export type Mood = "full" | "empty" | "evil";

const NETWORKS = ["bitcoin", "ethereum", "polygon", "bsc", "arbitrum", "tron"];
const ROWS = 2;
/** Deeper than this no answer goes; what goes on for ever ends here. */
const DEPTH_MAX = 12;
const DAY_MS = 86_400_000;

const digit = (at: number) => (at + 1).toString(16);
/** Texts that fit a pattern, for the patterns that a free text does not fit. */
const FITTING: readonly (readonly [RegExp, (at: number) => string])[] = [
  [/^\^\[0-9\]\{4\}-/, (at) => new Date(Date.now() - at * DAY_MS - 60_000).toISOString()],
  [/\(us\|ms\|s\|m\|h\|d\)/, () => "5s"],
  [/\(bitcoin\|ethereum/, (at) => NETWORKS[at % NETWORKS.length] ?? ""],
  [/^\^-\?\[0-9\]|^\^\[0-9\]\+/, (at) => String(1_234 + at)],
  [/\[0-9a-f(A-F)?A-F?\]\{(\d+)\}/, (at) => digit(at).repeat(64)],
  [/^\^\(([a-z-]+)\|/, () => ""],
  [/\[A-Z0-9\]/, (at) => `ASSET${String(at)}`],
  [/\^\[a-z-\]\{1,32\}\//, (at) => `deposit/bitcoin-${String(at + 1)}`],
  [/\^\[a-z/, (at) => `name-${String(at)}`],
];

function textFor(pattern: string | undefined, at: number, mood: Mood): string {
  // What may hold anything a person can type holds the worst of it.
  const isFree = pattern === undefined || /^\^(\[\^|\.|\[\\s\\S\])/.test(pattern);
  if (isFree) return mood === "evil" ? `${EVIL}${String(at)}` : `text ${String(at)}`;
  const word = /^\^\(([a-z-]+)\|/.exec(pattern);
  for (const [kind, make] of FITTING) {
    if (!kind.test(pattern)) continue;
    const made = make(at);
    return made === "" ? (word?.[1] ?? "") : made;
  }
  return `text-${String(at)}`;
}

/** Something that fits a schema; `at` tells the rows of a list apart. */
function sample(schema: Schema, mood: Mood, at = 0, depth = 0): unknown {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return sample(description.components.schemas[name] ?? {}, mood, at, depth);
  }
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum.find((one) => one !== null);
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return sample(several.find(({ type }) => type !== "null") ?? {}, mood, at, depth);
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  switch (type) {
    case "string":
      return textFor(schema.pattern, at, mood);
    case "integer":
    case "number":
      return Math.max(schema.minimum ?? 0, 0) + at + 1;
    case "boolean":
      return true;
    case "array":
      if (mood === "empty" || depth > DEPTH_MAX) return [];
      return Array.from({ length: ROWS }, (_, row) => sample(schema.items ?? {}, mood, row, depth + 1));
    case undefined:
    default:
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, of]) => [name, sample(of, mood, at, depth + 1)]),
      );
  }
}

/** Something that fits one of the description's schemas. */
export function sampleOf(name: string, mood: Mood, at: number): object {
  return sample(description.components.schemas[name] ?? {}, mood, at) as object;
}

/** The path of the description that an address belongs to. */
function pathOf(address: string): string | undefined {
  const parts = address.split("/");
  const fits = (path: string) => {
    const names = path.split("/");
    return names.length === parts.length && names.every((name, at) => name.startsWith("{") || name === parts[at]);
  };
  const all = Object.keys(description.paths).filter(fits);
  return all.find((path) => !path.includes("{")) ?? all[0];
}

/** What a read of an address is answered with. */
export function answerTo(address: string, mood: Mood): unknown {
  const path = pathOf(address);
  const schema = description.paths[path ?? ""]?.get?.responses["200"]?.content?.["application/json"]?.schema;
  if (schema === undefined) throw new Error(`the API describes no read of ${address}`);
  return sample(schema, mood);
}

/** What a change of an address is answered with once it is made. */
export function answerToChange(method: string, address: string): object {
  const operation = description.paths[pathOf(address) ?? ""]?.[method.toLowerCase() as "post"];
  return sample(operation?.responses["200"]?.content?.["application/json"]?.schema ?? {}, "full") ?? {};
}

/** What of a change's body the API would not take: fields that it does not know, and fields that it wants and are not there. */
export function wrongWith(method: string, address: string, body: Record<string, unknown>): string[] {
  // A worker's name has a slash, which is decoded here.
  const fits = (path: string) => new RegExp(`^${path.replace(/\{\w+\}/g, ".+")}$`).test(address);
  const path =
    pathOf(address) ??
    Object.keys(description.paths)
      .filter(fits)
      .sort((a, b) => b.length - a.length)[0];
  const operation = description.paths[path ?? ""]?.[method.toLowerCase() as "post"];
  let schema = operation?.requestBody?.content["application/json"]?.schema;
  if (operation === undefined) return [`the API has no ${method} ${address}`];
  if (schema?.$ref !== undefined) schema = description.components.schemas[schema.$ref.split("/").at(-1) ?? ""];
  const known = Object.keys(schema?.properties ?? {});
  return [
    ...Object.keys(body)
      .filter((name) => !known.includes(name))
      .map((name) => `${method} ${address} has no field ${name}`),
    ...(schema?.required ?? []).filter((name) => body[name] === undefined).map((name) => `${method} ${address} wants ${name}`),
  ];
}
