const junk =
  /^(\..*|__MACOSX|Thumbs\.db|ehthumbs(_vista)?\.db|desktop\.ini|\$RECYCLE\.BIN|System Volume Information|@eaDir|#recycle|lost\+found|__pycache__|Icon\r|~\$.*)$/i;

/** Whether a file or folder is hidden, or left behind by operating systems and tools. */
export function isJunk(name: string): boolean {
  return junk.test(name);
}

/** Whether any name of a path is junk. @param path with forward slashes */
export function isJunkPath(path: string): boolean {
  return path.split("/").some((name) => name !== "." && name !== ".." && isJunk(name));
}
