#!/usr/bin/env node
// The `convkit` command: finds the subcommand and leaves with its exit code.

import { convkitVersion } from '../extract/manifest.js';

interface Command {
  readonly help: string;
  run(argv: readonly string[]): Promise<number>;
}

const commands: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Command> }>> =
  {
    extract: { about: 'images to rows of features', load: () => import('./extract.js') },
    show: { about: "a layer's feature maps or kernels as a picture", load: () => import('./show.js') },
    summary: {
      about: "a network's layers: shapes, parameters, MACs, receptive fields; a file's tensors",
      load: () => import('./summary.js'),
    },
    bench: { about: 'how fast layers and networks are here', load: () => import('./bench.js') },
    doctor: {
      about: 'which engine computes here and why, whether rightly, how fast',
      load: () => import('./doctor.js'),
    },
  };

const usage = `convkit <command> [options]

${Object.entries(commands)
  .map(([name, { about }]) => `  ${name.padEnd(10)}${about}`)
  .join('\n')}

  --version
  --help      after a command: what it does and takes
`;

async function main([name, ...rest]: readonly string[]): Promise<number> {
  if (name === '--version' || name === '-v') {
    process.stdout.write(`${convkitVersion()}\n`);
    return 0;
  }
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
    process.stdout.write(usage);
    return 0;
  }
  const wanted = name === 'help' ? rest[0] : name;
  if (wanted === undefined || !Object.hasOwn(commands, wanted)) {
    const complaint = wanted === undefined ? 'no command' : `unknown command '${wanted}'`;
    process.stderr.write(`convkit: ${complaint}; one of ${Object.keys(commands).join(', ')}\n\n${usage}`);
    return 1;
  }
  const command = await commands[wanted].load();
  if (name === 'help') {
    process.stdout.write(command.help);
    return 0;
  }
  return command.run(rest);
}

// A reader that closes the pipe early (`| head`) or a full disk is no reason for a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`convkit: ${error.message}\n`);
  process.exitCode = 1;
});

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode ??= code;
  },
  (error: unknown) => {
    process.stderr.write(`convkit: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
