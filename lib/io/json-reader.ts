// Strict JSON, read token by token for a known structure: duplicate names are seen, nothing unexpected is built in memory,
// and nesting cannot exhaust anything. JSON.parse keeps the last of two duplicates, and builds whatever it is given.

/** Deeper nesting than any header has. */
const DEEPEST = 128;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class JsonReader {
  private at = 0;

  /** `fail` throws; it is told what is wrong, and where. */
  constructor(
    private readonly text: string,
    private readonly fail: (law: string) => never,
  ) {}

  /** An object, member by member: `member` reads each value. @throws at the second member of one name. */
  object(what: string, member: (name: string) => void): void {
    this.expect('{', what);
    if (this.take('}')) return;
    const seen = new Set<string>();
    do {
      const name = this.string(`a name in ${what}`);
      if (seen.has(name)) this.wrong(`${what} has two entries ${quoted(name)}`);
      seen.add(name);
      this.expect(':', what);
      member(name);
    } while (this.take(','));
    this.expect('}', what);
  }

  /** An array, item by item: `item` reads each. */
  array(what: string, item: (index: number) => void): void {
    this.expect('[', what);
    if (this.take(']')) return;
    let index = 0;
    do item(index++);
    while (this.take(','));
    this.expect(']', what);
  }

  string(what: string): string {
    this.skipSpace();
    const start = this.at;
    if (this.text.charCodeAt(start) !== QUOTE) this.wrong(`${what} must be a string`);
    let plain = true;
    let end = start + 1;
    for (;;) {
      const code = this.text.charCodeAt(end);
      if (code === QUOTE) break;
      if (!(code >= 0x20)) this.wrong(`${what} is a string without an end, or with a control character`);
      if (code === BACKSLASH) {
        plain = false;
        end++;
      }
      end++;
    }
    this.at = end + 1;
    if (plain) return this.text.slice(start + 1, end);
    const value = this.unescaped(this.text.slice(start, end + 1));
    if (value === null || !wellFormed(value)) this.wrong(`${what} has a wrong escape`);
    return value!;
  }

  /** A whole number from 0 to 2^53 - 1, in digits alone. */
  natural(what: string): number {
    this.skipSpace();
    const start = this.at;
    let value = 0;
    for (; ; this.at++) {
      const digit = this.text.charCodeAt(this.at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      if (!Number.isSafeInteger(value)) this.wrong(`${what} is larger than 2^53 - 1`);
    }
    const digits = this.text.slice(start, this.at);
    if (digits === '' || (digits.length > 1 && digits[0] === '0') || /[.eE]/.test(this.text[this.at] ?? '')) {
      this.wrong(`${what} must be a whole number from 0 up`);
    }
    return value;
  }

  /** Takes `word` (null, true or false) if it is next. */
  word(word: 'null' | 'true' | 'false'): boolean {
    this.skipSpace();
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  /** Passes over any value. */
  skip(what: string, depth = 0): void {
    if (depth > DEEPEST) this.wrong(`${what} is nested more than ${DEEPEST} deep`);
    this.skipSpace();
    const next = this.text[this.at];
    if (next === '{') this.object(what, () => this.skip(what, depth + 1));
    else if (next === '[') this.array(what, () => this.skip(what, depth + 1));
    else if (next === '"') this.string(what);
    else if (!this.word('null') && !this.word('true') && !this.word('false')) {
      NUMBER.lastIndex = this.at;
      if (!NUMBER.test(this.text)) this.wrong(`${what} is no JSON value`);
      this.at = NUMBER.lastIndex;
    }
  }

  /** Nothing but spaces may follow. */
  end(): void {
    this.skipSpace();
    if (this.at < this.text.length) this.wrong('something follows its end');
  }

  /** @throws with `law` and the place reached. */
  wrong(law: string): never {
    return this.fail(`${law} (character ${this.at} of ${this.text.length})`);
  }

  private unescaped(token: string): string | null {
    try {
      return JSON.parse(token);
    } catch {
      return null;
    }
  }

  private take(mark: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== mark) return false;
    this.at++;
    return true;
  }

  private expect(mark: string, what: string): void {
    if (!this.take(mark)) this.wrong(`${what} needs '${mark}'`);
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }
}

/** No half of a surrogate pair stands alone. */
export const wellFormed = (text: string): boolean =>
  !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);

/** A name as sentences show it: escaped, and shortened where it is long. */
export const quoted = (name: string): string =>
  JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
