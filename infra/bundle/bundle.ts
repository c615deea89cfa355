/**
 * The functions' code as Lambda gets it: one folder each with index.mjs, the same for every processor.
 *
 * A function contains only its own stage, the one that its file passes to the handler, and nothing native. The same
 * sources give the same bytes, so that a deployment updates only what has changed.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { FUNCTION_NAMES, type FunctionName } from '../functions.ts';
import { BUNDLING } from './bundling.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Lambda's limit on a function's unzipped code. */
export const MOST_BYTES = 250 * 1024 * 1024;

export interface BundleOptions {
  /** Folder with the handlers, one file a function; default functions/. */
  handlers?: string;
  /** Where the functions' folders go; default .cache/functions/. */
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
export async function bundleFunctions(options: BundleOptions = {}): Promise<Bundle[]> {
  const handlers = options.handlers ?? join(ROOT, 'functions');
  const into = options.into ?? join(ROOT, '.cache', 'functions');
  return Promise.all(
    FUNCTION_NAMES.map(async (name) => {
      const folder = join(into, name);
      const wanted = 'index.mjs';
      writeIfChanged(join(folder, wanted), await bundleOne(name, join(handlers, `${name}.ts`)));
      let bytes = 0;
      for (const path of filesBelow(folder))
        if (path === wanted) bytes += statSync(join(folder, path)).size;
        else rmSync(join(folder, path));
      if (bytes > MOST_BYTES) throw new Error(`function ${name} has ${bytes} bytes; Lambda takes ${MOST_BYTES}`);
      return { name, folder, bytes };
    }),
  );
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
    plugins: [withoutDuckDB(name)],
    // Libraries in CommonJS call require, which an ES module does not have.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
  });
  return outputFiles[0].contents;
}

/** DuckDB, 70 MB and native, is for queries. */
function withoutDuckDB(name: FunctionName): Plugin {
  return {
    name: 'without-duckdb',
    setup({ onResolve }) {
      onResolve({ filter: /^@duckdb\// }, ({ path, importer }) => ({
        errors: [{ text: `the function ${name} must not carry ${path}, which ${basename(importer)} imports` }],
      }));
    },
  };
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

function replaceFile(file: string, write: (path: string) => void): void {
  mkdirSync(dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  rmSync(fresh, { force: true });
  write(fresh);
  renameSync(fresh, file);
}
