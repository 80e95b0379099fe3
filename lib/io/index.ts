// The file formats users call as `io.*`.

export { loadNpy, saveNpy } from './npy.js';
export { type LoadNpzOptions, loadNpz, saveNpz } from './npz.js';
export { type LoadPthOptions, loadPth, type PthInfo, pthInfo } from './pth.js';
export {
  type LoadSafetensorsOptions,
  loadSafetensors,
  type SafetensorsInfo,
  safetensorsInfo,
} from './safetensors.js';
export { type SaveSafetensorsOptions, saveSafetensors } from './save-safetensors.js';
