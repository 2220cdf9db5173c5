const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Return `count` bytes in the largest binary unit that keeps it at 1 or more: `1.2 MiB`. */
export function formatBytes(count: number): string {
  let power = count < 1024 ? 0 : Math.min(Math.floor(Math.log2(count) / 10), UNITS.length - 1);
  if (count / 1024 ** power >= 1023.5 && power < UNITS.length - 1) {
    power += 1;
  }
  const amount = count / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(amount < 99.95 ? 1 : 0)} ${UNITS[power] ?? ''}`;
}
