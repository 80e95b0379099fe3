// The file formats users call as `io.*`.

export { loadNpy, saveNpy } from './npy.js';
