// Builds the native sources as they are shipped, with warnings as errors, and runs their CTest programs.
import { buildKernels, ctest } from './tasks.mjs';

ctest(buildKernels('kernels', { CMAKE_BUILD_TYPE: 'Release' }), 'native');
