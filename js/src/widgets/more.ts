/** The file of parts that are loaded on first use, with their styles. */

import css from "../more/more.css";

export { more } from "../more/index.tsx";
export { css };
