import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { containerQuota } from '../../lib/cli/quota.js';

describe.skipIf(process.platform !== 'linux')(
  "the container's quota (control groups exist on Linux only)",
  () => {
    let root = '';
    afterEach(() => {
      rmSync(root, { recursive: true });
    });

    function machine(files: Record<string, string>): string {
      root = mkdtempSync(join(tmpdir(), 'convkit-quota-'));
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), content);
      }
      return root;
    }

    it('is the tightest of the groups above the process, version 2', () => {
      const quota = containerQuota(
        machine({
          'proc/self/cgroup': '0::/pods/mine\n',
          'sys/fs/cgroup/pods/cpu.max': '150000 100000\n',
          'sys/fs/cgroup/pods/mine/cpu.max': '400000 100000\n',
        }),
      );
      expect(quota?.processors).toBe(1.5);
      expect(quota?.source).toMatch(/pods\/cpu\.max$/);
    });

    it("is read at the mount's root, as a container sees its own group", () => {
      const files = { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '50000 100000\n' };
      expect(containerQuota(machine(files))?.processors).toBe(0.5);
    });

    it('is read from version 1 too', () => {
      const quota = containerQuota(
        machine({
          'proc/self/cgroup': '4:memory:/a\n3:cpu,cpuacct:/docker/b\n',
          'sys/fs/cgroup/cpu/docker/b/cpu.cfs_quota_us': '200000\n',
          'sys/fs/cgroup/cpu/docker/b/cpu.cfs_period_us': '100000\n',
        }),
      );
      expect(quota?.processors).toBe(2);
    });

    it('is none where the groups say max or -1, or say nothing', () => {
      const files = {
        'proc/self/cgroup': '1:cpu:/\n0::/a\n',
        'sys/fs/cgroup/a/cpu.max': 'max 100000\n',
        'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      };
      expect(containerQuota(machine(files))).toBeNull();
      expect(containerQuota('/there/is/no/such/folder')).toBeNull();
    });
  },
);
