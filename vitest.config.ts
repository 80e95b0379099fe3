// How `vitest run` finds and runs the tests: one process per file, since a native addon and its thread pool
// belong to a process, and tests that change the backend must not see each other.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    pool: 'forks',
    // Emulated and sanitized runs set their own scale: everything there is 10 to 50 times slower.
    testTimeout: 30_000 * Number(process.env.CONVKIT_TEST_SLOWNESS ?? 1),
    hookTimeout: 60_000 * Number(process.env.CONVKIT_TEST_SLOWNESS ?? 1),
    teardownTimeout: 5_000,
  },
});
