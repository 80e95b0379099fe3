// The NEON kernels without an ARM machine: cross-compiles the native tests for aarch64 and runs them emulated, against
// the scalar kernels and naive loops, bit for bit.
import { buildKernels, ctest, need, toolchainArm64 } from './tasks.mjs';

need('aarch64-linux-gnu-g++', 'g++-aarch64-linux-gnu');
need('qemu-aarch64-static', 'qemu-user-static');
const folder = buildKernels('neon', { CMAKE_BUILD_TYPE: 'Release', CMAKE_TOOLCHAIN_FILE: toolchainArm64 });
ctest(folder, 'neon');
