// A header as nearly every file has it: JSON without escapes and without two members of one name. The engine's own parser
// reads it several times faster than the strict reader, which everything else is left to, with the telling of what is wrong.

/** A parser builds whatever it is given, nested arrays of 40 bytes a character for one. */
const LONGEST = 1 << 19;

/** What a header says of a tensor. */
export interface HeaderEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** `data_offsets` */
  readonly place: readonly number[];
}

export interface PlainHeader {
  readonly metadata: readonly [string, string][];
  readonly entries: readonly HeaderEntry[];
}

/**
 * What the text says; null where it is not such a header. A parser keeps one of two members of the same name, so the text is
 * what the object found is written as, but for spaces, only where there were no two.
 */
export function plainHeader(text: string, metadataName: string): PlainHeader | null {
  if (text.length > LONGEST || text.includes('\\')) return null;
  let found: unknown;
  try {
    found = JSON.parse(text);
    if (withoutSpaces(JSON.stringify(found)) !== withoutSpaces(text)) return null;
  } catch {
    return null; // no JSON, or nested too deep
  }
  if (!isRecord(found)) return null;
  const entries: HeaderEntry[] = [];
  const metadata: [string, string][] = [];
  for (const name of Object.keys(found)) {
    const member = found[name];
    if (name === metadataName && member === null) continue;
    if (!isRecord(member)) return null;
    if (name === metadataName) {
      for (const [key, value] of Object.entries(member)) {
        if (typeof value !== 'string') return null;
        metadata.push([key, value]);
      }
      continue;
    }
    const { dtype, shape, data_offsets: place } = member;
    if (typeof dtype !== 'string' || !areNaturals(shape) || !areNaturals(place)) return null;
    entries.push({ name, dtype, shape, place });
  }
  return { metadata, entries };
}

const withoutSpaces = (text: string): string => text.replaceAll(' ', '');

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const areNaturals = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
