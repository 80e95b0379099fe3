// All that a training needs to go on as if it had never stopped, in one .safetensors file: weights and the optimiser's
// tensors by name, the rest as JSON in its metadata. The file is replaced as a whole, so a kill at any moment leaves the
// last one or the one before.

import { existsSync } from 'node:fs';
import { backend, getRngState, io, setRngState } from 'convkit';

const KIND = 'convkit train-digits 1';

/** What must be the same for the numbers to go on. */
const settingsOf = ({ seed, batch, epochs, rate, digits }) =>
  JSON.stringify({ seed, batch, epochs, rate, digits, numerics: backend.info().numerics });

export async function saveCheckpoint(path, options, { network, optimizer, schedule }, progress) {
  const { tensors, ...rest } = optimizer.stateDict();
  const prefixed = (prefix, all) =>
    Object.entries(all).map(([name, tensor]) => [`${prefix}.${name}`, tensor]);
  const everything = [...prefixed('network', network.stateDict()), ...prefixed('optimizer', tensors)];
  await io.saveSafetensors(path, Object.fromEntries(everything), {
    metadata: {
      kind: KIND,
      settings: settingsOf(options),
      optimizer: JSON.stringify(rest),
      schedule: JSON.stringify(schedule.stateDict()),
      random: JSON.stringify(getRngState()),
      progress: JSON.stringify(progress),
    },
  });
}

/** Puts a training where the checkpoint was, and gives its progress; null where there is none. */
export async function loadCheckpoint(path, options, { network, optimizer, schedule }) {
  if (!existsSync(path)) return null;
  const { metadata } = await io.safetensorsInfo(path);
  if (metadata.kind !== KIND) throw new RangeError(`${path} is no checkpoint of this example`);
  if (metadata.settings !== settingsOf(options)) {
    throw new RangeError(
      `${path} was made with ${metadata.settings}, not ${settingsOf(options)}; ` +
        'give the same options, or begin anew without --resume',
    );
  }
  const all = Object.entries(await io.loadSafetensors(path));
  const those = (prefix) =>
    Object.fromEntries(
      all.flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])),
    );
  network.loadStateDict(those('network.'));
  optimizer.loadStateDict({ ...JSON.parse(metadata.optimizer), tensors: those('optimizer.') });
  schedule.loadStateDict(JSON.parse(metadata.schedule));
  setRngState(JSON.parse(metadata.random));
  return JSON.parse(metadata.progress);
}
