// Adds up what a CI run left in a folder and prints it as one line: vitest's JSON reports, CTest's JUnit reports, and
// steps.txt with an outcome and a name a line. Where more steps failed than tests did (a build, a linter), that is the
// number of failures. Exits with 1 where anything failed or no test ran.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const count = { passed: 0, failed: 0, skipped: 0 };

const reports = readdirSync(folder);
for (const file of reports.filter((name) => name.endsWith('.json'))) {
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  count.passed += report.numPassedTests;
  count.failed += report.numFailedTests;
  count.skipped += report.numPendingTests + report.numTodoTests;
  // A file that does not load has no tests to count: it is one failure
  count.failed += report.testResults.filter(
    (f) => f.status === 'failed' && f.assertionResults.length === 0,
  ).length;
}
for (const file of reports.filter((name) => name.endsWith('.xml'))) {
  const suite = /<testsuite\b[^>]*>/.exec(readFileSync(join(folder, file), 'utf8'))?.[0] ?? '';
  const attribute = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = attribute('failures') + attribute('errors');
  const skipped = attribute('skipped') + attribute('disabled');
  count.failed += failed;
  count.skipped += skipped;
  count.passed += attribute('tests') - failed - skipped;
}

const steps = readFileSync(join(folder, 'steps.txt'), 'utf8').split('\n').filter(Boolean);
const failedSteps = steps.filter((step) => step.startsWith('failed ')).length;
const failed = Math.max(count.failed, failedSteps);
const skipped = count.skipped + steps.filter((step) => step.startsWith('skipped ')).length;
console.log(`${count.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || count.passed === 0 ? 1 : 0;
