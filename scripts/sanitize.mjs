// The native tests under sanitizers: all of them with address,undefined; threads and whole convolutions with thread.
// `node scripts/sanitize.mjs node` instead runs the vitest files named after it on an addon built with
// address,undefined, which sees overruns of typed arrays too.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildKernels, capture, cmakeJs, ctest, root, run } from './tasks.mjs';

const strict = {
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_init_order=1',
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1',
};

function sanitizeKernels() {
  const address = buildKernels('sanitize-address', {
    CMAKE_BUILD_TYPE: 'RelWithDebInfo',
    CONVKIT_SANITIZE: 'address,undefined',
    CONVKIT_WERROR: 'OFF',
  });
  ctest(address, 'address-undefined', { env: strict });
  const thread = buildKernels(
    'sanitize-thread',
    { CMAKE_BUILD_TYPE: 'RelWithDebInfo', CONVKIT_SANITIZE: 'thread', CONVKIT_WERROR: 'OFF' },
    ['threads_test', 'job_thread_test', 'convolution_test', 'pooling_test'],
  );
  ctest(thread, 'thread', { args: ['-R', '^(threads|job_thread|convolution|pooling)_test$'], env: strict });
}

/** Leak detection is off: Node keeps much until it exits. The package loader reads CONVKIT_PREBUILD. */
function sanitizeAddon(files) {
  const home = join(root, 'build-sanitize-addon');
  const build = join(home, 'build');
  mkdirSync(home, { recursive: true });
  cmakeJs(['build', '--out', build, '--CDCONVKIT_SANITIZE=address,undefined']);
  const library = (name) => capture('gcc', [`-print-file-name=${name}`]).trim();
  run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files], {
    env: {
      ...process.env,
      LD_PRELOAD: `${library('libasan.so')} ${library('libubsan.so')}`,
      ASAN_OPTIONS: 'detect_leaks=0',
      UBSAN_OPTIONS: strict.UBSAN_OPTIONS,
      CONVKIT_PREBUILD: home,
      CONVKIT_TEST_SLOWNESS: '10',
    },
  });
}

const [mode, ...files] = process.argv.slice(2);
if (mode === 'node') sanitizeAddon(files);
else sanitizeKernels();
