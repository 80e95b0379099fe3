// What console.log looks for on an object, as `util.inspect.custom`. The import from node:util would stand in the
// published types, and a project without @types/node could not compile them.

export const inspectCustom: unique symbol = Symbol.for('nodejs.util.inspect.custom');
