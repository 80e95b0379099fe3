// File patterns as shells know them: * ? [a-z] [!a-z] {a,b} and ** for any number of folders. Turns a pattern
// into one test per path segment; knows nothing of the file system. (Node has its own glob from version 22 on.)

/** Whether a text would be read as a pattern at all. */
export const hasPattern = (text: string): boolean => /[*?[\]{}]/.test(text);

/** Splits {a,b{c,d}} into all its spellings; a brace without a comma or a partner stands for itself. */
export function expandBraces(pattern: string): string[] {
  const start = pattern.indexOf('{');
  if (start < 0) return [pattern];
  const parts: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let i = start; i < pattern.length; i++) {
    if (pattern[i] === '{') depth++;
    else if (pattern[i] === ',' && depth === 1) {
      parts.push(pattern.slice(from, i));
      from = i + 1;
    } else if (pattern[i] === '}' && --depth === 0) {
      const tails = expandBraces(pattern.slice(i + 1));
      const literal = parts.length === 0;
      parts.push(pattern.slice(from, i));
      const middles = parts.flatMap(expandBraces).map((part) => (literal ? `{${part}}` : part));
      return middles.flatMap((middle) => tails.map((tail) => pattern.slice(0, start) + middle + tail));
    }
  }
  return expandBraces(pattern.slice(start + 1)).map((rest) => pattern.slice(0, start + 1) + rest);
}

/** One path segment as a test of names. A name that starts with a dot is only met by a pattern that does. */
export function segmentTest(segment: string): RegExp {
  let source = segment.startsWith('.') ? '' : '(?!\\.)';
  for (let i = 0; i < segment.length; i++) {
    const char = segment[i];
    const close = char === '[' ? segment.indexOf(']', i + (segment[i + 1] === '!' ? 3 : 2)) : -1;
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (close > 0) {
      const negated = /[!^]/.test(segment[i + 1]);
      const set = segment.slice(i + (negated ? 2 : 1), close).replace(/[\\\]^[]/g, '\\$&');
      source += `[${negated ? '^' : ''}${set}]`;
      i = close;
    } else source += char.replace(/[\\^$.|+()[\]{}/]/g, '\\$&');
  }
  return new RegExp(`^${source}$`, 's');
}
