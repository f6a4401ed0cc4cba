/** Whose work is in what a browser gets, made by scripts/notices.mjs. */
declare module "virtual:notices" {
  const notices: {
    packages: { name: string; version: string; licence: string; text: number }[];
    /** Each once: many packages have the same. */
    texts: string[];
  };
  export default notices;
}
