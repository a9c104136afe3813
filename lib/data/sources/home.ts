import { homedir } from "node:os";

/** The path with a leading `~` as the user's home folder, as shells have it. */
export function withHome(path: string): string {
  return path.replace(/^~(?=$|[/\\])/, () => homedir());
}
