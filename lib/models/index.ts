// The networks users call as `models.*`.

export { Scattering, type ScatteringOptions } from './scattering.js';
