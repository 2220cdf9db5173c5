/**
 * Return a short label for each full name `FILE:KEY`: its key, with the file's stem where several
 * have the same key.
 */
export function labelNames(names: readonly string[]): Map<string, string> {
  const keys = new Map<string, number>();
  for (const name of names) {
    keys.set(keyOf(name), (keys.get(keyOf(name)) ?? 0) + 1);
  }
  return new Map(
    names.map(name => {
      const key = keyOf(name);
      return [name, (keys.get(key) ?? 0) > 1 ? `${key} · ${stemOf(name)}` : key];
    })
  );
}

function keyOf(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function stemOf(name: string): string {
  const file = name.slice(0, Math.max(name.indexOf(':'), 0));
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.[^.]*$/, '');
}
