import type { Child } from "../dom.js";
import type { Selection } from "../selection.js";

/** One part of the page, drawn again whenever the selection changes. */
export interface Section {
  id: string;
  /** In the list of links. */
  name: string;
  title: string;
  /** @returns `null` where the runs have nothing of the kind */
  draw(selection: Selection): Child[] | null;
}
