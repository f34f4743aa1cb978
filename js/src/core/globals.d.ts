declare module "*.css" {
  const text: string;
  export default text;
}

/** SHA-256 of the explorer.js built together with this chip or table, hex; set by build.mjs. */
declare const EXPLORER_SHA256: string;
/** The same of the compare.js built together with this table. */
declare const COMPARE_SHA256: string;

/** The same of the markdown.js built together with this explorer. */
declare const MARKDOWN_SHA256: string;
/** The same of more.js, the parts that are loaded on first use. */
declare const MORE_SHA256: string;
