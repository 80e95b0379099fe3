// Random numbers made into orthogonal vectors: the Q of a QR decomposition whose R has a positive diagonal.

/**
 * Makes the rows of a matrix of `rows` rows orthogonal and of length `gain`; its columns, where those are fewer. Gram and
 * Schmidt's way in float64, each vector twice, in a fixed order; rounded once.
 */
export function orthonormal(data: Float32Array, rows: number, gain: number): void {
  if (data.length === 0) return;
  const columns = data.length / rows;
  const byRow = rows <= columns;
  const [count, length] = byRow ? [rows, columns] : [columns, rows];
  const [vectorStep, elementStep] = byRow ? [columns, 1] : [1, columns];
  const vectors: Float64Array[] = [];
  for (let k = 0; k < count; k++) {
    const vector = Float64Array.from({ length }, (_, i) => data[k * vectorStep + i * elementStep]);
    for (let pass = 0; pass < 2; pass++) {
      for (const earlier of vectors) {
        const part = dot(earlier, vector);
        for (let i = 0; i < length; i++) vector[i] -= part * earlier[i];
      }
    }
    const size = Math.sqrt(dot(vector, vector));
    for (let i = 0; i < length; i++) vector[i] /= size;
    vectors.push(vector);
    for (let i = 0; i < length; i++) data[k * vectorStep + i * elementStep] = gain * vector[i];
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
