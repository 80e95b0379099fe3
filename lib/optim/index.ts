// What users call as `optim.*`: optimisers, learning-rate schedules, gradient clipping.

export { Adam, type AdamSettings, AdamW } from './adam.js';
export { clipGradNorm, clipGradValue } from './clip.js';
export { CosineAnnealingLR, CosineAnnealingWarmRestarts } from './cosine.js';
export { ExponentialLR, LambdaLR, MultiStepLR, PolynomialLR, StepLR } from './decays.js';
export { OneCycleLR, type OneCycleOptions } from './one-cycle.js';
export { type GivenGroup, Optimizer, type ParamGroup, type Params, type Settings } from './optimizer.js';
export { type PlateauOptions, type PlateauState, ReduceLROnPlateau } from './plateau.js';
export { Schedule, type ScheduleState } from './schedule.js';
export { SequentialLR } from './sequential.js';
export { SGD, type SGDSettings } from './sgd.js';
export type { OptimizerState, Setting } from './state.js';
export { ConstantLR, LinearLR } from './warm-up.js';
