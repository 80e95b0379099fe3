// The base of layers and networks: finds parameters and children by their fields, as PyTorch does, and names them alike.

import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { knownOptions, oneOf } from '../ops/options.js';
import { requireByDefault } from '../tensor/autograd.js';
import { inspectCustom } from '../tensor/inspect.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { assign, logicalArray, storageOf, Tensor } from '../tensor/tensor.js';
import { byOrder, type Place, renamed, type StateDict, unwrapped } from './state-names.js';

/** How a tensor that is saved but not trained is found again. */
export interface BufferOptions {
  /** Its name among the weights; the field's. */
  key?: string;
  /** Whether weights without it are complete all the same; false. */
  optional?: boolean;
}

export interface LoadOptions {
  /** Whether names that only one side has are an error; true. */
  strict?: boolean;
  /** Whether the module shares the memory of what it is given, in place of a copy; false. */
  assign?: boolean;
  /** Whether names that differ are found by what they may stand for; 'none'. */
  remap?: 'none' | 'auto';
}

export type { StateDict };

/** The parameters and buffers below a module, each once, left as they are. */
let tensorsOf: (module: Module) => Tensor[];

/**
 * A layer or a network. Subclasses assign their parts to fields: every Tensor is a parameter, every Module (or array of
 * modules) a child, both named after the field. A tensor that is neither trained nor saved belongs in a private `#field`,
 * one that is saved but not trained is announced with {@link registerBuffer}.
 *
 * @example
 * class Residual extends nn.Module {
 *   constructor(channels) {
 *     super();
 *     this.conv = new nn.Conv2d(channels, channels, 3, { padding: 1 });
 *   }
 *   forward(x) {
 *     return ops.add(x, this.conv.forward(x));
 *   }
 * }
 * Object.keys(new Residual(8).stateDict()); // ['conv.weight', 'conv.bias']
 */
export abstract class Module {
  /** Whether the module is being trained; some layers act differently then. */
  training = true;
  readonly #buffers = new Map<string, BufferOptions>();

  static {
    tensorsOf = (module) => [...new Set(module.#tensors().map(({ tensor }) => tensor))];
  }

  abstract forward(x: Tensor, ...rest: unknown[]): Tensor;

  /**
   * `forward` off the event loop. Every layer and Sequential has it; a module that only defines `forward` rejects, because
   * wrapping it in a promise would block all the same.
   */
  async forwardAsync(_x: Tensor, ..._rest: unknown[]): Promise<Tensor> {
    const name = moduleName(this);
    throw wrongType(
      name,
      'this module defines forward() only',
      `give ${name} a forwardAsync(x, options) that awaits the forwardAsync of its layers, or compose it with nn.Sequential`,
    );
  }

  /**
   * Says that a field's tensor is saved with the weights but is no parameter: running statistics, for instance. `key` is its
   * name among the weights where that is not the field's own; one that is `optional` may be missing in what is loaded.
   */
  registerBuffer(name: string, tensor: Tensor, options: BufferOptions = {}): void {
    if (typeof name !== 'string')
      throw wrongType('registerBuffer', `name must be a string, not ${show(name)}`);
    if (!(tensor instanceof Tensor)) {
      throw wrongType('registerBuffer', `${name} must be a Tensor, not ${show(tensor)}`);
    }
    this.#buffers.set(name, options);
    Object.assign(this, { [name]: tensor });
  }

  /** The direct children with their names: fields that hold modules, or lists and plain objects of them, nested as they are. */
  namedChildren(): [string, Module][] {
    const children: [string, Module][] = [];
    collectChildren(this, '', [], children);
    return children;
  }

  /** This module, named '', and all below it with their paths; each once. */
  namedModules(): [string, Module][] {
    const found: [string, Module][] = [];
    const known = new Set<Module>();
    const visit = (path: string, module: Module): void => {
      if (known.has(module)) return;
      known.add(module);
      found.push([path, module]);
      for (const child of module.namedChildren())
        visit(path === '' ? child[0] : `${path}.${child[0]}`, child[1]);
    };
    visit('', this);
    return found;
  }

  /** The trainable tensors of this module and all below it, each once. */
  parameters(): Tensor[] {
    return this.namedParameters().map(([, tensor]) => tensor);
  }

  /**
   * The same with their names. They require gradients from now on at the latest, those apart whose `requiresGrad` someone
   * has set.
   */
  namedParameters(): [string, Tensor][] {
    const parameters = once(this.#tensors().filter(({ buffer }) => buffer === null));
    for (const [, tensor] of parameters) requireByDefault(tensor);
    return parameters;
  }

  /** The tensors that are saved but not trained, with their names. */
  namedBuffers(): [string, Tensor][] {
    return once(this.#tensors().filter(({ buffer }) => buffer !== null));
  }

  /** All parameters and buffers by name. They share memory with the module's own. */
  stateDict(): StateDict {
    return Object.fromEntries(this.#tensors().map(({ name, tensor }) => [name, tensor.detach()]));
  }

  /**
   * Copies weights into this module by name. Nothing is copied unless everything fits; with `strict: false`, names that
   * only one side has are passed over, and given back. With `assign: true` nothing is copied at all: the module shares the
   * memory of what it is given, and whoever writes to that later calls {@link Tensor.markChanged} on the module's tensors.
   *
   * With `remap: 'auto'` names lose the `module.` and `_orig_mod.` that PyTorch's wrappers give them, and weights whose names
   * this module does not have are taken to be its own in their order, as timm's are torchvision's.
   *
   * @throws ShapeError | RangeError listing every missing and unexpected name and every size that differs.
   */
  loadStateDict(dict: StateDict, options?: LoadOptions): { missingKeys: string[]; unexpectedKeys: string[] } {
    const names = ['strict', 'assign', 'remap'];
    const settings = knownOptions(options, names, 'loadStateDict');
    const remap = oneOf(settings.remap ?? 'none', ['none', 'auto'] as const, 'remap', 'loadStateDict');
    if (typeof dict !== 'object' || dict === null || Array.isArray(dict) || dict instanceof Tensor) {
      throw wrongType('loadStateDict', `expected an object of Tensors by name, not ${show(dict)}`);
    }
    const modules = this.namedModules();
    return this.#adoptAndLoad(modules, this.#renamed(modules, dict, remap === 'auto'), settings);
  }

  /** The weights under names of today. */
  #renamed(modules: readonly (readonly [string, Module])[], dict: StateDict, wrapped: boolean): StateDict {
    const children = this.namedChildren().map(([name]) => name.split('.')[0]);
    let result = wrapped ? unwrapped(dict, children) : dict;
    let names = Object.keys(result);
    for (const [path, module] of modules) {
      if (module.formerName === Module.prototype.formerName) continue;
      const prefix = path === '' ? '' : `${path}.`;
      const rename = (name: string): string =>
        name.startsWith(prefix) ? prefix + module.formerName(name.slice(prefix.length)) : name;
      if (names.every((name) => !name.startsWith(prefix) || rename(name) === name)) continue; // most files: a new record would cost more
      result = renamed(result, rename);
      names = Object.keys(result);
    }
    return result;
  }

  #adoptAndLoad(
    modules: readonly (readonly [string, Module])[],
    dict: StateDict,
    settings: LoadOptions,
  ): { missingKeys: string[]; unexpectedKeys: string[] } {
    const adopted: Module[] = [];
    for (const [path, module] of modules) {
      if (module.pending() === null) continue;
      const prefix = path === '' ? '' : `${path}.`;
      module.adopt((name) => (Object.hasOwn(dict, prefix + name) ? dict[prefix + name] : undefined));
      if (module.pending() === null) adopted.push(module);
    }
    try {
      return this.#load(settings.remap === 'auto' ? byOrder(dict, this.#places()) : dict, settings);
    } catch (error) {
      for (const module of adopted) module.forget();
      throw error;
    }
  }

  #places(): Place[] {
    return this.#tensors().map(({ name, tensor: { shape }, buffer }) => ({
      name,
      shape,
      optional: buffer?.optional ?? false,
    }));
  }

  #load(
    dict: Record<string, Tensor>,
    { strict = true, assign: sharing = false }: LoadOptions,
  ): { missingKeys: string[]; unexpectedKeys: string[] } {
    const own = this.#tensors();
    const names = new Set(own.map(({ name }) => name));
    const optional = new Set(own.filter(({ buffer }) => buffer?.optional).map(({ name }) => name));
    const missingKeys = [...names].filter((name) => !Object.hasOwn(dict, name) && !optional.has(name));
    const unexpectedKeys = Object.keys(dict).filter((name) => !names.has(name));
    const sizes: string[] = [];
    for (const { name, tensor } of own) {
      if (!Object.hasOwn(dict, name)) continue;
      const given: unknown = dict[name];
      if (!(given instanceof Tensor)) {
        throw wrongType('loadStateDict', `"${name}" must be a Tensor, not ${show(given)}`);
      }
      if (!sameShape(given.shape, tensor.shape)) {
        sizes.push(
          `size mismatch for ${name}: copying a param with shape ${showShape(given.shape)} from checkpoint, ` +
            `the shape in current model is ${showShape(tensor.shape)}.`,
        );
      }
    }

    const quoted = (keys: string[]) => keys.map((name) => `"${name}"`).join(', ');
    const faults: string[] = [];
    if (strict && missingKeys.length > 0)
      faults.push(`Missing key(s) in state_dict: ${quoted(missingKeys)}.`);
    if (strict && unexpectedKeys.length > 0) {
      faults.push(`Unexpected key(s) in state_dict: ${quoted(unexpectedKeys)}.`);
    }
    if (faults.length + sizes.length > 0) {
      const wrong = sizes.length > 0 ? wrongShape : wrongValue;
      const title = `Error(s) in loading state_dict for ${moduleName(this)}:`;
      const wrapped = unexpectedKeys.some((name) => /(^|\.)(_orig_mod|module)\./.test(name));
      const cure = wrapped
        ? "{ remap: 'auto' } takes off what PyTorch's wrappers put before names"
        : undefined;
      throw wrong('loadStateDict', [title, ...faults, ...sizes].join('\n\t'), cure);
    }
    const fitting = own.filter(({ name }) => Object.hasOwn(dict, name));
    for (const { name } of fitting) {
      if (storageOf(dict[name]).unread === null) logicalArray(dict[name], `loadStateDict: "${name}"`); // throws where detached
    }
    for (const { name, tensor } of fitting) assign(tensor, dict[name], 'loadStateDict', sharing);
    return { missingKeys, unexpectedKeys };
  }

  /** Puts this module and all below it into training mode, or out of it. */
  train(training = true): this {
    for (const [, module] of this.namedModules()) module.training = training;
    return this;
  }

  /** Puts this module and all below it into inference mode. */
  eval(): this {
    return this.train(false);
  }

  /** Why this module's parameters are not there yet, where they wait for the first input; null where they are. */
  protected pending(): string | null {
    return null;
  }

  /** Lets a module whose parameters wait take its sizes from weights, found by name, that are about to be loaded. */
  protected adopt(_find: (name: string) => Tensor | undefined): void {}

  /** Undoes `adopt`, where the weights turned out not to fit. */
  protected forget(): void {}

  /**
   * What a weight that older checkpoints have under `name`, seen from this module, is called now; `name` where it is called so
   * still.
   */
  protected formerName(name: string): string {
    return name;
  }

  /** What `String(module)` shows between the parentheses; layers give their sizes and options. */
  protected extraRepr(): string {
    return '';
  }

  /** The module and its children, one a line, as PyTorch prints them. */
  toString(): string {
    const children = this.namedChildren().map(
      ([name, child]) => `  (${name}): ${child.toString().replaceAll('\n', '\n  ')}\n`,
    );
    const extra = this.extraRepr();
    return `${moduleName(this)}(${children.length > 0 ? `\n${extra ? `  ${extra}\n` : ''}${children.join('')}` : extra})`;
  }

  [inspectCustom](): string {
    return this.toString();
  }

  /** Every tensor below this module with its path. */
  #tensors(): Named[] {
    const found: Named[] = [];
    const open = new Set<Module>();
    const visit = (prefix: string, module: Module): void => {
      if (open.has(module)) {
        throw wrongValue(moduleName(this), `a module contains itself, at '${prefix.slice(0, -1)}'`);
      }
      open.add(module);
      const reason = module.pending();
      if (reason !== null) {
        const place = prefix === '' ? '' : ` at '${prefix.slice(0, -1)}'`;
        const law = `the parameters of ${moduleName(module)}${place} are not there yet: ${reason}`;
        throw wrongValue(moduleName(this), law, 'run forward once, load weights, or give the number');
      }
      const fields = fieldsOf(module);
      for (const name of Object.keys(fields)) {
        const value = fields[name];
        if (!(value instanceof Tensor)) continue;
        const buffer = module.#buffers.get(name) ?? null;
        found.push({ name: prefix + (buffer?.key ?? name), tensor: value, buffer });
      }
      for (const child of module.namedChildren()) visit(`${prefix}${child[0]}.`, child[1]);
      open.delete(module);
    };
    visit('', this);
    return found;
  }
}

const fieldsOf = (holder: object): Readonly<Record<string, unknown>> => holder as Record<string, unknown>;

/**
 * Adds the modules in the fields of `holder`. Compiling walks a network several times in code that runs for the first time:
 * with pairs of names and values, and a name for every number in a field, MobileNetV2's walks took 4.5 ms and their garbage more.
 * Taking a pair apart makes four objects in such code, so walks do not.
 */
function collectChildren(
  holder: object,
  prefix: string,
  open: readonly object[],
  children: [string, Module][],
): void {
  const fields = fieldsOf(holder);
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (typeof value !== 'object' || value === null) continue;
    if (value instanceof Module) children.push([prefix + name, value]);
    else if (isCollection(value) && !open.includes(value))
      collectChildren(value, `${prefix}${name}.`, [...open, value], children);
  }
}

/** A list, or an object without a class: of numbers and texts alone it is an option, and holds no modules. */
function isCollection(value: object): boolean {
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

interface Named {
  readonly name: string;
  readonly tensor: Tensor;
  /** What was said of it where it is a buffer. */
  readonly buffer: BufferOptions | null;
}

const once = (tensors: Named[]): [string, Tensor][] => {
  const found = new Map<Tensor, string>();
  for (const { name, tensor } of tensors) if (!found.has(tensor)) found.set(tensor, name);
  return [...found].map(([tensor, name]) => [name, tensor]);
};

/** The name of a module's class. */
export const moduleName = (module: Module): string => module.constructor.name || 'Module';

export { tensorsOf };
