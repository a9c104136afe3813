import type { PageData } from "../data.js";
import type { Selection } from "./selection.js";

/** Follows a run that is going on: the server sends all data of the page whenever there is something new. */
export function follow(path: string, selection: Selection): void {
  const events = new EventSource(path);
  events.addEventListener("message", ({ data }) => {
    const news = JSON.parse(data) as PageData;
    selection.update(news);
    if (news.live?.state !== "running") events.close();
  });
  events.addEventListener("error", () => {
    if (selection.data.live?.state !== "running") return;
    events.close();
    const message =
      "The connection is lost: the run has ended or its machine is gone. These are its last numbers.";
    selection.update({ ...selection.data, live: { state: "stopped", message } });
  });
}
