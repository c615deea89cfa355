/**
 * The functions' code as Lambda gets it: one folder each with index.mjs, and for
 * those that write Parquet a node_modules with DuckDB for the target's processor.
 *
 * A function contains only its own stage, the one that its file passes to the handler:
 * map does not include DuckDB's 70 MB. The same sources give the same bytes, so that
 * a deployment updates only what has changed.
 */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { FUNCTION_NAMES, type FunctionName, needsOf } from '../functions.ts';
import type { Architecture } from '../settings.ts';
import { bindingPackage, duckdbBinding, nodeArchitecture } from './binding.ts';
import { BUNDLING } from './bundling.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Lambda's limit on a function's unzipped code. */
export const MOST_BYTES = 250 * 1024 * 1024;
/** Files of DuckDB's packages that are needed at run time: the rest is types and notices. */
const NEEDED = /\.(?:js|node|so)$|^package\.json$|^LICENSE$/;

export interface BundleOptions {
  architecture: Architecture;
  /** Folder with the handlers, one file a function; default functions/. */
  handlers?: string;
  /** Where the functions' folders go; default .cache/functions/<platform>/. */
  into?: string;
}

export interface Bundle {
  readonly name: FunctionName;
  /** Folder to be zipped. */
  readonly folder: string;
  /** Unzipped size of all its files. */
  readonly bytes: number;
}

/**
 * Bundles every function.
 * @throws Error when a handler does not compile, contains what it must not, or exceeds Lambda's size limit
 */
export async function bundleFunctions(options: BundleOptions): Promise<Bundle[]> {
  const { architecture } = options;
  const handlers = options.handlers ?? join(ROOT, 'functions');
  const into = options.into ?? join(ROOT, '.cache', 'functions', `linux-${nodeArchitecture(architecture)}`);
  const duckdb = await duckdbFiles(architecture);
  return Promise.all(
    FUNCTION_NAMES.map(async (name) => {
      const folder = join(into, name);
      const files = carriesDuckDB(name) ? new Map(duckdb) : new Map<string, string>();
      const wanted = new Set(['index.mjs', ...files.keys()]);
      writeIfChanged(join(folder, 'index.mjs'), await bundleOne(name, join(handlers, `${name}.ts`)));
      for (const [path, source] of files) linkFile(source, join(folder, path));
      let bytes = 0;
      for (const path of filesBelow(folder))
        if (wanted.has(path)) bytes += statSync(join(folder, path)).size;
        else rmSync(join(folder, path));
      if (bytes > MOST_BYTES) throw new Error(`function ${name} has ${bytes} bytes; Lambda takes ${MOST_BYTES}`);
      return { name, folder, bytes };
    }),
  );
}

function carriesDuckDB(name: FunctionName): boolean {
  return needsOf(name).duckdbMemory !== undefined;
}

async function bundleOne(name: FunctionName, entry: string): Promise<Uint8Array> {
  if (!existsSync(entry)) throw new Error(`function ${name} has no handler: ${entry} is missing`);
  const { outputFiles } = await build({
    entryPoints: [entry],
    outfile: 'index.mjs',
    ...BUNDLING,
    write: false,
    mainFields: ['module', 'main'],
    absWorkingDir: ROOT,
    nodePaths: [join(ROOT, 'node_modules')],
    plugins: [duckdbOutside(name)],
    // Libraries in CommonJS call require, which an ES module does not have.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
  });
  return outputFiles[0].contents;
}

/** DuckDB stays outside of those bundles that have it beside them, and away from all others. */
function duckdbOutside(name: FunctionName): Plugin {
  return {
    name: 'duckdb-outside',
    setup({ onResolve }) {
      onResolve({ filter: /^@duckdb\// }, ({ path, importer }) =>
        carriesDuckDB(name)
          ? { path, external: true }
          : { errors: [{ text: `the function ${name} must not carry ${path}, which ${basename(importer)} imports` }] },
      );
    },
  };
}

/** DuckDB's files, by their path in the function's folder. */
async function duckdbFiles(architecture: Architecture): Promise<Map<string, string>> {
  const packages: [string, string][] = [
    ...['@duckdb/node-api', '@duckdb/node-bindings'].map((name): [string, string] => [
      name,
      join(ROOT, 'node_modules', name),
    ]),
    [bindingPackage(architecture), await duckdbBinding(architecture)],
  ];
  return new Map(
    packages.flatMap(([name, folder]) =>
      filesBelow(folder)
        .filter((path) => NEEDED.test(basename(path)))
        .map((path): [string, string] => [join('node_modules', name, path), join(folder, path)]),
    ),
  );
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(folder, path)).isFile(),
  );
}

/** Another process may be zipping the file: it is replaced in one step, and only by other bytes. */
function writeIfChanged(file: string, bytes: Uint8Array): void {
  if (existsSync(file) && readFileSync(file).equals(bytes)) return;
  replaceFile(file, (path) => writeFileSync(path, bytes));
}

/** A hard link, or a copy where links are not possible: 70 MB need not be stored twice. */
function linkFile(source: string, file: string): void {
  if (existsSync(file) && statSync(file).ino === statSync(source).ino) return;
  replaceFile(file, (path) => {
    try {
      linkSync(source, path);
    } catch {
      copyFileSync(source, path);
    }
  });
}

function replaceFile(file: string, write: (path: string) => void): void {
  mkdirSync(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  rmSync(fresh, { force: true });
  write(fresh);
  renameSync(fresh, file);
}
