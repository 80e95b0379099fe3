// A progress bar that redraws one line of a terminal, and does nothing anywhere else.

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const barWidth = 24;
const redrawEvery = 100; // milliseconds

/** Seconds as 0:07, 12:34 or 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export class Progress {
  private readonly start = performance.now();
  private readonly shown: boolean;
  private drawn = false;
  private last = Number.NEGATIVE_INFINITY;
  private failed = 0;

  constructor(
    private readonly terminal: Terminal,
    private readonly total: number,
    wanted = true,
    /** What is counted. */
    private readonly unit = 'images',
  ) {
    this.shown = wanted && terminal.isTTY === true && total > 0;
  }

  /** `done` of the total are behind us. */
  update(done: number): void {
    const now = performance.now();
    if (!this.shown || (now - this.last < redrawEvery && done < this.total)) return;
    this.last = now;
    const seconds = (now - this.start) / 1000;
    const full = Math.round((barWidth * done) / this.total);
    const bar = '█'.repeat(full) + '░'.repeat(barWidth - full);
    const rate = seconds > 0 ? done / seconds : 0;
    const rest = rate > 0 ? clock((this.total - done) / rate) : '-:--';
    const failures = this.failed > 0 ? `  ${this.failed} failed` : '';
    const line = `${bar} ${done}/${this.total}  ${rate.toFixed(1)} ${this.unit}/s  ETA ${rest}${failures}`;
    this.terminal.write(`\r\x1b[K${line.slice(0, (this.terminal.columns || 80) - 1)}`);
    this.drawn = true;
  }

  /** Prints a line of its own above the bar. */
  failure(line: string): void {
    this.failed++;
    this.clear();
    this.terminal.write(`${line}\n`);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.drawn) this.terminal.write('\r\x1b[K');
    this.drawn = false;
  }
}
