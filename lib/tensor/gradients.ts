// The walk from a result back to its leaves, and the sums it takes on the way. It speaks of storages and shapes; what
// makes a tensor of them is given.
//
// Order: operations run backwards in the reverse order of their making. So the gradients that reach one tensor are
// added in that order too, those from one operation in the order of its inputs; the sum is added to a leaf's grad once.

import { active } from '../backend/index.js';
import { recycle, takeRecycled } from '../backend/recycled.js';
import { wrongShape, wrongType, wrongValue } from '../errors.js';
import { Leaf, type Node, type Operation, pauseRecording } from './graph.js';
import { sameShape, showShape } from './shape.js';
import { alive, channelsLastArray, copyRowMajor, ROW_MAJOR, Storage } from './storage.js';

/** How the walk makes tensors and looks into them. */
export interface View<T> {
  wrap(storage: Storage, shape: readonly number[]): T;
  storageOf(tensor: T): Storage;
  shapeOf(tensor: T): readonly number[];
}

/** The operation whose gradient is being computed: for sentences about what it finds. */
let current = '';
export const currentOperation = (): string => current;

/** Adds the gradients of everything that `root` was computed from to the leaves' grad. `gradient` is root's own. */
export function walk<T>(root: Node<T>, gradient: Storage, retainGraph: boolean, view: View<T>): void {
  const { operations, uses } = reachable(root);
  const pending = new Pending<T>();
  pending.add(root, gradient);
  pauseRecording(() => {
    if (root instanceof Leaf) deliver(root, pending, view);
    for (const operation of operations) {
      const upstream = pending.take(operation);
      const { inputs, backward } = operation;
      if (upstream !== undefined && backward !== null) {
        current = operation.name;
        upstream.spare = pending.owns(upstream);
        const needs = inputs.map((input) => input?.required ?? false);
        const gradients = backward(view.wrap(upstream, operation.shape), needs);
        const storages = gradients.map((own) => (own === null ? null : view.storageOf(own)));
        for (const storage of storages) if (storage !== null) pending.hold(storage);
        storages.forEach((storage, i) => {
          const input = inputs[i];
          if (storage === null || input === null) return;
          checkShape(view.shapeOf(gradients[i] as T), input.shape, i, operation.name);
          pending.add(input, storage);
        });
        for (const storage of storages) if (storage !== null) pending.drop(storage);
        pending.drop(upstream);
      }
      if (!retainGraph) {
        operation.backward = null;
        operation.inputs = [];
        if (operation.result !== null) release(operation.result);
        operation.result = null;
      }
      for (const input of inputs) {
        if (!(input instanceof Leaf)) continue;
        const left = (uses.get(input) ?? 1) - 1;
        uses.set(input, left);
        if (left === 0) deliver(input, pending, view);
      }
    }
  });
}

/** The operations behind a node, latest first, and how often they use each leaf. */
function reachable<T>(root: Node<T>): { operations: Operation<T>[]; uses: Map<Leaf<T>, number> } {
  const operations = new Set<Operation<T>>();
  const uses = new Map<Leaf<T>, number>();
  const open: Node<T>[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node instanceof Leaf) uses.set(node, (uses.get(node) ?? 0) + 1);
    else if (!operations.has(node)) {
      if (node.backward === null) throw freed(node.name);
      operations.add(node);
      for (const input of node.inputs) if (input !== null) open.push(input);
    }
  }
  return { operations: [...operations].sort((a, b) => b.order - a.order), uses };
}

/** The gradient of a loss with respect to itself. */
export function lossGradient(loss: Storage, shape: readonly number[]): Storage {
  const data = alive(loss, 'backward');
  if (data.length !== 1) {
    throw wrongShape(
      'backward',
      `grad can be implicitly created only for scalar outputs, but the shape is ${showShape(shape)}`,
      'take a sum or mean first, or give the gradient: backward(gradient)',
    );
  }
  if (!Number.isFinite(data[0])) {
    throw wrongValue(
      'backward',
      `the loss is ${data[0]}, and so would its gradients be`,
      'look for NaN or infinity in the data, or lower the learning rate',
    );
  }
  return new Storage(Float32Array.of(1), ROW_MAJOR);
}

/** That a gradient given for a tensor has its shape. */
export function checkGradientShape(gradient: readonly number[], shape: readonly number[]): void {
  if (sameShape(gradient, shape)) return;
  throw wrongShape(
    'backward',
    `Mismatch in shape: gradient has a shape of ${showShape(gradient)} and the tensor has a shape of ${showShape(shape)}`,
  );
}

const freed = (name: string): TypeError =>
  wrongType(
    'backward',
    `Trying to backward through the graph a second time: what ${name} had saved was freed by the first`,
    'call the first backward with { retainGraph: true }, or run forward again',
  );

/** A fault of the library's, not of its user. */
function checkShape(got: readonly number[], wanted: readonly number[], i: number, name: string): void {
  if (sameShape(got, wanted)) return;
  throw wrongShape(
    'backward',
    `${name} returned an invalid gradient at index ${i} - got ${showShape(got)} but expected shape compatible with ${showShape(wanted)}`,
  );
}

/**
 * Gradients on their way, one for each node. Several may be the same storage: it is written to only where one alone
 * holds it and the walk made it, and recycled once none does.
 */
class Pending<T> {
  readonly #gradients = new Map<Node<T>, Storage>();
  readonly #holds = new Map<Storage, number>();

  take(node: Node<T>): Storage | undefined {
    const storage = this.#gradients.get(node);
    this.#gradients.delete(node);
    return storage;
  }

  hold(storage: Storage): void {
    this.#holds.set(storage, (this.#holds.get(storage) ?? 0) + 1);
  }

  drop(storage: Storage): void {
    const left = (this.#holds.get(storage) ?? 1) - 1;
    if (left > 0) this.#holds.set(storage, left);
    else {
      this.#holds.delete(storage);
      if (storage.recyclable) release(storage);
    }
  }

  /** Whether the walk may write to a storage, or give it away. */
  owns(storage: Storage): boolean {
    return storage.recyclable && this.#holds.get(storage) === 1;
  }

  add(node: Node<T>, storage: Storage): void {
    const before = this.#gradients.get(node);
    if (before === undefined) {
      this.#gradients.set(node, storage);
      this.hold(storage);
    } else if (this.owns(before)) addInto(before.data, before, storage, node.shape);
    else {
      const data = takeRecycled(before.length);
      addInto(data, before, storage, node.shape);
      const sum = recyclableStorage(data, before.channelAxis);
      this.#gradients.set(node, sum);
      this.hold(sum);
      this.drop(before);
    }
  }
}

/** y = a + b in a's layout; y may be a's own memory. */
function addInto(y: Float32Array, a: Storage, b: Storage, shape: readonly number[]): void {
  if (y.length > 0) active().binary('add', a.data, laidOut(b, shape, a.channelAxis), y);
}

/** The elements around a channel axis or row-major: the storage's own array where they lie so, else a new one. */
export const laidOut = (storage: Storage, shape: readonly number[], channelAxis: number): Float32Array =>
  channelAxis === ROW_MAJOR
    ? storage.channelAxis === ROW_MAJOR
      ? alive(storage, 'backward')
      : copyRowMajor(storage, shape, 'backward')
    : channelsLastArray(storage, shape, channelAxis, true, 'backward');

/** Adds what has arrived to a leaf's grad, in the leaf's layout. */
function deliver<T>(leaf: Leaf<T>, pending: Pending<T>, view: View<T>): void {
  const arrived = pending.take(leaf);
  if (arrived === undefined) return;
  const layout = leaf.storage.channelAxis;
  if (leaf.required && leaf.grad === null) {
    const mine = pending.owns(arrived);
    const data = laidOut(arrived, leaf.shape, layout);
    const taken = data === arrived.data;
    leaf.grad = view.wrap(new Storage(taken && !mine ? data.slice() : data, layout), leaf.shape);
    leaf.gradTaken = false;
    if (taken && mine) arrived.recyclable = false;
  } else if (leaf.required && leaf.grad !== null) {
    // Channels-last memory may be read in the background, so it is never written to a second time.
    const grad = view.storageOf(leaf.grad);
    const before = alive(grad, 'backward');
    const data = grad.channelAxis === ROW_MAJOR ? before : takeRecycled(grad.length);
    addInto(data, grad, arrived, leaf.shape);
    grad.data = data;
    grad.version++;
  }
  pending.drop(arrived);
}

/** Gives a leaf another gradient, or none: the memory of one that nobody has read is used again. */
export function replaceGrad<T>(leaf: Leaf<T>, grad: T | null, view: View<T>): void {
  if (leaf.grad === grad) return;
  if (leaf.grad !== null && !leaf.gradTaken) release(view.storageOf(leaf.grad));
  leaf.grad = grad;
  leaf.gradTaken = true;
}

/** Memory that a walk made and may use again. */
export function recyclableStorage(data: Float32Array, channelAxis: number): Storage {
  const storage = new Storage(data, channelAxis);
  storage.recyclable = true;
  return storage;
}

/** Gives a storage's memory back; who still reads it gets the sentence about a detached buffer. */
export function release(storage: Storage): void {
  const { data } = storage;
  storage.recyclable = false;
  storage.data = NOTHING;
  recycle(data);
}

const NOTHING = new Float32Array(0);
