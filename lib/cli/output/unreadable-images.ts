/** The error of a command that went on without some images. */
export function unreadableImages(
  images: readonly { readonly name: string; readonly reason: string }[],
): Error {
  const listed = images.slice(0, 5).map(({ name, reason }) => `  ${name}: ${reason}`);
  const first = images.length > listed.length ? `; the first ${listed.length}` : "";
  return new Error(
    `Expected readable images, got ${images.length} that are not. Replace them or leave them out${first}:\n${listed.join("\n")}`,
  );
}
