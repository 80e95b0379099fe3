import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { networkOf } from '../../lib/cli/layer-list.js';
import { saveSafetensors } from '../../lib/io/index.js';
import { Tensor } from '../../lib/tensor/tensor.js';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'convkit-summary-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the built command in a process of its own. */
function convkitSummary(args: readonly string[], input?: string) {
  const main = join(root, 'dist', 'cli', 'main.js');
  return spawnSync(process.execPath, [main, 'summary', ...args], { cwd: folder, encoding: 'utf8', input });
}

const layers = [
  { type: 'Conv2d', args: [null, 8, 3], options: { padding: 1, bias: false }, name: 'stem' },
  { type: 'Sequential', name: 'body', layers: ['ReLU', { type: 'MaxPool2d', args: [2] }] },
  'Flatten',
  { type: 'Linear', args: [null, 10], name: 'head' },
];

describe('convkit summary', () => {
  it('prints the built-in model', () => {
    const { status, stdout, stderr } = convkitSummary([]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Scattering +-- +\[1, 1, 128, 128\] +\[1, 3216\]/m);
    expect(stdout).toMatch(/^Total params: +1,108$/m);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it('prints a list of layers, from a file or standard input', () => {
    writeFileSync(join(folder, 'net.json'), JSON.stringify(layers));
    const fromFile = convkitSummary(['net.json', '--input', '1x3x8x8']);
    expect(fromFile.stderr).toBe('');
    expect(fromFile.stdout).toMatch(/^├─ Conv2d \(stem\) +3x3 +\[1, 3, 8, 8\] +\[1, 8, 8, 8\] +216 +13,824/m);
    expect(fromFile.stdout).toMatch(/^│ {2}└─ MaxPool2d \(1\)/m);
    expect(fromFile.stdout).toMatch(/^├─ Flatten \(layer2\)/m);
    const piped = convkitSummary(['-', '-i', '1x3x8x8'], JSON.stringify({ layers }));
    expect(piped.stdout).toBe(fromFile.stdout);
  });

  it('gives the same as data', () => {
    const { stdout } = convkitSummary(['-', '-i', '2x3x8x8', '--json'], JSON.stringify(layers));
    const table = JSON.parse(stdout);
    expect(table.totals).toMatchObject({ params: 216 + 1290, macs: 2 * (13_824 + 1280) });
    expect(table.rows.map((row: { path: string }) => row.path)).toEqual([
      '',
      'stem',
      'body',
      'body.0',
      'body.1',
      'layer2',
      'head',
    ]);
  });

  it('prints published architectures, at their size or another', () => {
    const { status, stdout, stderr } = convkitSummary(['resnet18']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ResNet +-- +\[1, 3, 224, 224\] +\[1, 1000\]/m);
    expect(stdout).toMatch(/^Total params: +11,689,512$/m);
    const small = convkitSummary(['squeezenet1_1', '-i', '2x3x64x64', '--json']);
    expect(JSON.parse(small.stdout)).toMatchObject({ totals: { params: 1_235_496 } });
    expect(convkitSummary(['--models']).stdout).toMatch(/^scattering\nedges\nalexnet\n[\s\S]*\nvgg16_bn\n/);
  });

  it('prints networks in ONNX files', () => {
    const networks = join(root, 'test/cli/networks');
    const one = convkitSummary([join(networks, 'one-size.onnx')]);
    expect([one.status, one.stderr]).toEqual([0, '']);
    expect(one.stdout).toMatch(/\[1, 3, 32, 32\] +\[1, 4, 16, 16\] +112 /);
    const any = join(networks, 'any-size.onnx');
    expect(convkitSummary([any])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no input shape; give one'),
    });
    expect(convkitSummary([any, '-i', '1x3x32x32']).stdout).toBe(one.stdout);
  });

  it('lists the tensors of files of weights', async () => {
    const pth = convkitSummary([join(root, 'test/io/pth/types.pth')]);
    expect([pth.status, pth.stderr]).toEqual([0, '']);
    expect(pth.stdout).toMatch(/^Name +Dtype +Shape +Elements\n-+\nfloat64 +float64 +\[6\] +6\n/);
    expect(pth.stdout).toMatch(
      /\n12 tensors, 51 elements \(float64 6, float32 6, .*\), 0\.0 MB as float32\n$/,
    );
    const path = join(folder, 'w.safetensors');
    const weights = { 'conv.weight': Tensor.zeros([64, 3, 7, 7]), '\u001b[2J': Tensor.zeros([]) };
    await saveSafetensors(path, weights, { metadata: { format: 'pt' } });
    const { stdout } = convkitSummary([path]);
    expect(stdout).toMatch(/^conv\.weight +F32 +\[64, 3, 7, 7\] +9,408$/m);
    expect(stdout).toMatch(/^\\u001b\[2J +F32 +\[\] +1$/m);
    expect(stdout).toMatch(/^format: pt$/m);
    expect(JSON.parse(convkitSummary([path, '--json']).stdout)).toMatchObject({
      totals: { tensors: 2, elements: 9409, bytes: 37_636, dtypes: { F32: 9409 } },
    });
    expect(convkitSummary([path, '-i', '1x3x8x8'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('holds weights'),
    });
    const evil = convkitSummary([join(root, 'test/io/pth/evil.pth')]);
    expect([evil.status, evil.stdout]).toEqual([1, '']);
    expect(evil.stderr).toMatch(/^convkit summary: .*evil\.pth refers to "posix\.system"/);
  });

  it('prints its help', () => {
    const { status, stdout } = convkitSummary(['--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^convkit summary \[<model> \| file\]/);
    const example = /\n {2}\[\n[\s\S]*?\n {2}\]\n/.exec(stdout)?.[0] ?? '';
    expect(convkitSummary(['-', '-i', '1x3x8x8'], example)).toMatchObject({ status: 0, stderr: '' });
  });

  it.each([
    [
      ['net.yaml', '-i', '1x3x8x8'],
      '',
      'net.yaml is neither a model (scattering, edges, or one that --models lists) nor a file: no such file or folder',
    ],
    [['gone.onnx'], '', 'gone.onnx: no such file or folder'],
    [[`${process.execPath}/net.pth`], '', '/net.pth: a part of its path is a file, not a folder'],
    [
      ['/'],
      '',
      '/ is neither a model (scattering, edges, or one that --models lists) nor a file: it is a folder',
    ],
    [['-'], '[]', 'no input shape; give one such as --input 1x3x224x224'],
    [['-', '-i', '1,3,8,8'], '[]', "--input must be positive sizes such as 1x3x224x224, received '1,3,8,8'"],
    [['-', '-i', '1x0'], '[]', '--input must be positive sizes'],
    [['a', 'b'], '', 'one network at a time, received 2'],
    [['--inputs', '1'], '', "Unknown option '--inputs'"],
    [
      ['-', '-i', '1x3x8x8'],
      '[{"type": "Conv2d", "args": [4, 8, 3]}]',
      'expected input[1, 3, 8, 8] to have 4 channels',
    ],
  ])('refuses %j', (args, input, reason) => {
    const { status, stdout, stderr } = convkitSummary(args, input);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^convkit summary: /);
    expect(stderr).toContain(reason);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('a list of layers', () => {
  const refused = (value: unknown, reason: string | RegExp) => () =>
    expect(() => networkOf(typeof value === 'string' ? value : JSON.stringify(value), 'n.json')).toThrow(
      reason,
    );

  it('is read as written', () => {
    expect(
      String(networkOf('["ReLU", {"type": "Conv1d", "args": [2, 4, 3], "options": {"groups": 2}}]', 'f')),
    ).toBe('Sequential(\n  (0): ReLU()\n  (1): Conv1d(2, 4, kernelSize=[3], stride=[1], groups=2)\n)');
  });

  it('is read behind a byte order mark', () => {
    expect(String(networkOf('\uFEFF["ReLU"]', 'f'))).toBe('Sequential(\n  (0): ReLU()\n)');
  });

  it('refuses a name that objects have already', () => {
    refused('[{"type": "ReLU", "name": "__proto__"}]', "a layer cannot be named '__proto__'")();
  });

  it('says where JSON ends to be JSON', () => {
    refused('[\n  {"type": "ReLU"},\n  {"type" "ReLU"}\n]', 'n.json:3:11: not JSON: ')();
    refused('[', 'n.json:1:2: not JSON: ')();
    refused('no layers\n', /n\.json(:1:1|): not JSON: Unexpected token/)();
    expect(() => networkOf('PK', 'net.weights')).toThrow(
      'net.weights is no list of layers, and its name does not end as those of networks and weights do; known are .onnx',
    );
  });

  it('says which layer is wrong, and how', () => {
    refused({ layer: [] }, 'n.json: expected a list of layers, not an object; write [{"type": "Conv2d"')();
    refused('7', 'n.json: expected a list of layers, not 7')();
    refused({ layers: [], input: 1 }, "n.json: there is no 'input'")();
    refused(['ReLU', 5], 'n.json: layers[1]: expected an object with a type, not 5')();
    refused([{ args: [] }], 'layers[0]: type must be the name of a layer, not undefined')();
    refused(['Relu6'], "layers[0]: there is no layer 'Relu6'; did you mean 'ReLU6'?")();
    refused(['Module'], "there is no layer 'Module'")();
    refused([{ type: 'ReLU', arg: [] }], "layers[0] (ReLU): there is no 'arg'; did you mean 'args'?")();
    refused([{ type: 'Conv2d', args: [3, 64] }], 'layers[0] (Conv2d): Conv2d: kernelSize must be a number')();
    refused(
      [{ type: 'Sequential', layers: ['ReLU', { type: 'Conv2d', args: [3, 4, 0] }] }],
      'layers[0].layers[1] (Conv2d): Conv2d: kernel size should be greater than zero, but got kernelSize=0',
    )();
    refused([{ type: 'Conv2d', args: [3, 4, 3], options: { strid: 2 } }], "did you mean 'stride'?")();
    refused([{ type: 'Conv2d', args: 3 }], 'layers[0] (Conv2d): args must be a list, not 3')();
    refused([{ type: 'Conv2d', options: [] }], 'options must be an object, not []')();
    refused([{ type: 'ReLU', layers: [] }], 'only a Sequential has layers')();
    refused([{ type: 'Sequential', args: [] }], 'a Sequential has layers, a list, and nothing else')();
    const twice = { type: 'ReLU', name: 'a' };
    refused([twice, twice], "layers[1]: there is a 'a' before it")();
    refused([{ type: 'ReLU', name: '3' }], "a name cannot be a number, as '3' is")();
    refused([{ type: 'ReLU', name: 3 }], 'name must be a string, not 3')();
    refused([{ type: 'ReLU', name: 'forward' }], "layers: Sequential: a layer cannot be named 'forward'")();
  });
});
