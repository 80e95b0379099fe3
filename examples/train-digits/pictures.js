// What a training did, drawn as SVG.

const INK = '#222';
const PALE = '#ccc';
const [BLUE, RED] = ['#1f5fa8', '#c0392b'];

const svg = (width, height, parts) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
  `font-family="sans-serif" font-size="12" fill="${INK}">\n<rect width="100%" height="100%" fill="white"/>\n${parts.join('\n')}\n</svg>\n`;

const text = (x, y, content, more = '') => `<text x="${x}" y="${y}" ${more}>${content}</text>`;
const line = (x1, y1, x2, y2, colour) =>
  `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}"/>`;
const short = (value) => String(Number(value.toFixed(2)));

/** Loss (left scale, falling) and accuracy on the test digits (right scale, rising) after each epoch. */
export function learningCurve(epochs) {
  const [width, height, left, right, top, bottom] = [640, 320, 60, 60, 40, 40];
  const highest = Math.max(...epochs.map(({ loss }) => loss));
  const lowest = Math.min(0.9, ...epochs.map(({ accuracy }) => accuracy));
  const x = (i) => left + ((width - left - right) * (i + 1)) / epochs.length;
  const y = (part) => height - bottom - (height - top - bottom) * part;
  const parts = [text(left, 20, 'training loss', `fill="${BLUE}"`)];
  parts.push(text(width - right, 20, 'accuracy on test digits', `fill="${RED}" text-anchor="end"`));
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(line(left, y(part), width - right, y(part), PALE));
    parts.push(text(left - 8, y(part) + 4, short(part * highest), `text-anchor="end" fill="${BLUE}"`));
    const percent = 100 * (lowest + part * (1 - lowest));
    parts.push(text(width - right + 8, y(part) + 4, `${short(percent)} %`, `fill="${RED}"`));
  }
  epochs.forEach((_, i) => {
    parts.push(text(x(i), height - bottom + 18, i + 1, 'text-anchor="middle"'));
  });
  parts.push(text(width / 2, height - 6, 'epoch', 'text-anchor="middle"'));
  const curve = (colour, part) => {
    const points = epochs.map((epoch, i) => [x(i), y(part(epoch))].map((value) => value.toFixed(1)));
    parts.push(`<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const [cx, cy] of points) parts.push(`<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`);
  };
  curve(BLUE, ({ loss }) => loss / highest);
  curve(RED, ({ accuracy }) => (accuracy - lowest) / (1 - lowest));
  return svg(width, height, parts);
}

/** How often each digit (row) was read as which (column). */
export function confusionMatrix(counts) {
  const [cell, left, top] = [36, 60, 60];
  const size = left + 10 * cell + 20;
  const parts = [text(left, 20, 'read as'), text(8, top - 8, 'is a')];
  counts.forEach((row, digit) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    parts.push(text(left - 14, top + digit * cell + 23, digit, 'text-anchor="end"'));
    parts.push(text(left + digit * cell + cell / 2, top - 8, digit, 'text-anchor="middle"'));
    row.forEach((count, guess) => {
      const [x, y] = [left + guess * cell, top + digit * cell];
      const part = total === 0 ? 0 : count / total;
      // A single mistake shows: the least shade is an eighth.
      const shade = count === 0 ? 0 : digit === guess ? part : Math.min(1, 0.125 + 4 * part);
      const colour = digit === guess ? BLUE : RED;
      parts.push(
        `<rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="${colour}" fill-opacity="${shade.toFixed(3)}" stroke="${PALE}"/>`,
      );
      if (count === 0) return;
      const ink = shade > 0.5 ? 'white' : INK;
      parts.push(text(x + cell / 2, y + 23, count, `text-anchor="middle" fill="${ink}"`));
    });
  });
  return svg(size, size, parts);
}

/** The kernels [filters, 1, height, width] of the first layer: blue is positive, red negative, each over its own range. */
export function firstFilters({ shape, data }) {
  const [filters, , height, width] = shape;
  const [pixel, gap, across] = [14, 12, 6];
  const [stepX, stepY] = [width * pixel + gap, height * pixel + gap];
  const parts = [];
  for (let filter = 0; filter < filters; filter++) {
    const kernel = data.subarray(filter * height * width, (filter + 1) * height * width);
    const largest = Math.max(...kernel.map(Math.abs)) || 1;
    const [left, top] = [gap + (filter % across) * stepX, gap + Math.floor(filter / across) * stepY];
    kernel.forEach((value, i) => {
      const [x, y] = [left + (i % width) * pixel, top + Math.floor(i / width) * pixel];
      const opacity = (Math.abs(value) / largest).toFixed(3);
      parts.push(
        `<rect x="${x}" y="${y}" width="${pixel}" height="${pixel}" fill="${value < 0 ? RED : BLUE}" fill-opacity="${opacity}"/>`,
      );
    });
    parts.push(
      `<rect x="${left}" y="${top}" width="${width * pixel}" height="${height * pixel}" fill="none" stroke="${PALE}"/>`,
    );
  }
  return svg(gap + Math.min(filters, across) * stepX, gap + Math.ceil(filters / across) * stepY, parts);
}
