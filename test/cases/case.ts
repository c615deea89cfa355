/**
 * Situations from bug reports, rebuilt by small generators in a folder beside the checkout (`shared/cases`). A case is
 * made in a temporary folder, where the command line runs over it; what it must say stands in the tests.
 */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { RunSummary } from '../../cli/text/summarytext.ts';
import { command, flowstitch, type Outcome, scratchFolder } from '../cli/harness.ts';

const CASES = fileURLToPath(new URL('../../../shared/cases/', import.meta.url));
/** Modules that the generators import. */
const LIBRARY = 'lib';

/** For the `skip` option of a test: false when the cases are there. */
export const noCases: string | false = existsSync(CASES) ? false : 'no cases beside the checkout (../shared/cases)';

/** Names of all cases that are there. */
export function caseNames(): string[] {
  return readdirSync(CASES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== LIBRARY)
    .map(({ name }) => name)
    .sort();
}

/** Makes the input of a case, in `in` of the folder returned. The folder goes when the test ends. */
export function makeCase(t: TestContext, name: string): string {
  const scratch = scratchFolder(t);
  // Other users run in it too, and find the generators' modules beside it.
  chmodSync(scratch, 0o755);
  const folder = join(scratch, name);
  cpSync(join(CASES, LIBRARY), join(scratch, LIBRARY), { recursive: true });
  cpSync(join(CASES, name), folder, { recursive: true });
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'in'), { recursive: true });
  const [program, file] = existsSync(join(folder, 'make.py')) ? ['python3', 'make.py'] : ['bash', 'make.sh'];
  const { code, stdout, stderr } = command(program, [file], { cwd: folder });
  assert.equal(code, 0, `${file} of ${name}: ${stdout}${stderr}`);
  return folder;
}

/** A run of a case, and its tables. */
export class CaseRun {
  readonly folder: string;
  readonly out: string;
  readonly outcome: Outcome;

  /** Runs `flowstitch run --json` over the inputs, into a folder of results. */
  constructor(folder: string, { inputs = ['in'], out = 'out', options = [] as string[] } = {}) {
    this.folder = folder;
    this.out = out;
    this.outcome = flowstitch(['run', ...inputs, '--out', out, '--json', ...options], { cwd: folder });
  }

  get summary(): RunSummary {
    assert.notEqual(this.outcome.stdout, '', `run ended with ${this.outcome.code}: ${this.outcome.stderr}`);
    return JSON.parse(this.outcome.stdout) as RunSummary;
  }

  /** Rows of a query, as arrays of texts. */
  rows(query: string, env: NodeJS.ProcessEnv = {}): string[][] {
    const { code, stdout, stderr } = flowstitch(['sql', query, '--json', '--data', this.out], {
      cwd: this.folder,
      env,
    });
    assert.equal(code, 0, `${query}: ${stderr}`);
    const rows = stdout.trim() === '' ? [] : (JSON.parse(stdout) as Record<string, unknown>[]);
    return rows.map((row) => Object.values(row).map(String));
  }

  /** Sessions by time, their columns as one line each: 'tcp SF 6 3'. Those of tunnels themselves are left out. */
  sessions(columns: string, where = 'true'): string[] {
    const inner = "orig_h not like '172.16.%'";
    const query = `select ${columns} from sessions where ${inner} and ${where} order by ts_ns, orig_h`;
    return this.rows(query).map((row) => row.join(' '));
  }

  /** Each capture's own columns of its row, by the name of its file. */
  captures(columns: string): Record<string, string> {
    const rows = this.rows(`select capture, ${columns} from captures order by capture`);
    return Object.fromEntries(rows.map(([capture, ...row]) => [capture.replace(/^.*\//, ''), row.join(' ')]));
  }
}
