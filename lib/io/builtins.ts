// Modules of Node that only some files need, loaded by the first that does: they would take 3 ms of every import of the library.

export const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');
export const stream = (): typeof import('node:stream') => process.getBuiltinModule('node:stream');
export const zlib = (): typeof import('node:zlib') => process.getBuiltinModule('node:zlib');
