/** What each code means, as `exchequer explain` says it: read from docs/errors by scripts/codes.mjs. */
declare module "virtual:codes" {
  const codes: Readonly<Record<string, string>>;
  export default codes;
}
