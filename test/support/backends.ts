// Every implementation this machine can run: the reference, and native under each instruction set.

import { active } from '../../lib/backend/index.js';
import { backend } from '../../lib/index.js';

export interface Contender {
  name: string;
  /** Makes it compute what follows in this isolate. */
  use(): void;
}

/** Native must be there, so that a broken build cannot pass unseen; CONVKIT_TEST_REFERENCE_ONLY=1 says it need not. */
export function contenders(): Contender[] {
  const found: Contender[] = [{ name: 'reference', use: () => backend.use('reference') }];
  if (process.env.CONVKIT_TEST_REFERENCE_ONLY === '1') return found;
  backend.use('native');
  for (const isa of active().cpu().supported) {
    found.push({
      name: `native ${isa}`,
      use: () => {
        backend.use('native', { isa });
        const { name, isa: chosen } = backend.info();
        if (name !== 'native' || chosen !== isa) throw new Error(`asked for ${isa}, got ${name} ${chosen}`);
      },
    });
  }
  return found;
}

/** The reference and native as it comes: for laws, whose every instruction set the bit-identity sweep covers already. */
export function backends(): Contender[] {
  const found = contenders();
  const [reference, best] = [found[0], found[found.length - 1]];
  return best === reference ? [reference] : [reference, best];
}
