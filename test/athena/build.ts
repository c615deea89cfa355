/**
 * The Java program of these tests, built into .cache/athena: its libraries by Maven
 * (once, about 400 MB), its one class by javac. A second run finds both there.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('./trino/', import.meta.url));
/** Where everything built and fetched is kept. */
export const CACHE = fileURLToPath(new URL('../../.cache/athena/', import.meta.url));
const POM = join(SOURCES, 'pom.xml');
const PROGRAM = join(SOURCES, 'TrinoProcess.java');
const MAVEN_TIMEOUT = 900_000;
/** Version of Java for which Trino's classes are. */
const LEAST_JAVA = 22;
const INSTALLED = '/usr/lib/jvm';

/** What is needed to start the program, or why it cannot be had here. */
export type Build = { java: string; classpath: string } | { missing: string };

/** Builds the program where it is not built already. @throws Error when its source does not compile */
export function buildTrinoProcess(): Build {
  const home = findJdk();
  if (home === undefined) return { missing: `there is no JDK of version ${LEAST_JAVA} or later, which Trino needs` };
  const java = join(home, 'bin/java');
  const digest = createHash('sha256').update(readFileSync(POM)).update(readFileSync(PROGRAM)).digest('hex');
  const built = join(CACHE, 'built.json');
  if (existsSync(built)) {
    const { digest: of, classpath } = JSON.parse(readFileSync(built, 'utf8')) as { digest: string; classpath: string };
    if (of === digest && classpath.split(':').every((path) => existsSync(path))) return { java, classpath };
  }
  const libraries = fetchLibraries(home);
  if (typeof libraries !== 'string') return libraries;
  const classes = join(CACHE, 'classes');
  rmSync(classes, { recursive: true, force: true });
  const compiled = spawnSync(join(home, 'bin/javac'), ['--release', '22', '-cp', libraries, '-d', classes, PROGRAM], {
    encoding: 'utf8',
  });
  if (compiled.status !== 0) throw new Error(`TrinoProcess.java does not compile:\n${compiled.stderr}`);
  const classpath = `${classes}:${libraries}`;
  writeFileSync(built, JSON.stringify({ digest, classpath }));
  return { java, classpath };
}

/** The home of a JDK that is new enough: JAVA_HOME, the one in PATH, or one where Linux' packages put them. */
function findJdk(): string | undefined {
  const folders = existsSync(INSTALLED) ? readdirSync(INSTALLED).map((name) => join(INSTALLED, name)) : [];
  const inPath = spawnSync('which', ['javac'], { encoding: 'utf8' }).stdout?.trim();
  const homes = [process.env.JAVA_HOME, inPath ? dirname(dirname(realpathSync(inPath))) : undefined, ...folders];
  return homes.find((home) => home !== undefined && javacVersion(home) >= LEAST_JAVA);
}

function javacVersion(home: string): number {
  const { stdout } = spawnSync(join(home, 'bin/javac'), ['-version'], { encoding: 'utf8' });
  return Number(/^javac (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

/** The class path of Trino's libraries, fetched where they are not there. */
function fetchLibraries(home: string): string | { missing: string } {
  if (spawnSync('mvn', ['-version']).status !== 0) return { missing: "there is no Maven to fetch Trino's libraries" };
  mkdirSync(CACHE, { recursive: true });
  const list = join(CACHE, 'classpath.txt');
  const maven = spawnSync(
    'mvn',
    [
      ...['--batch-mode', '--no-transfer-progress', '--quiet', '--file', POM],
      ...[`-Dmaven.repo.local=${join(CACHE, 'repository')}`, 'dependency:build-classpath', `-Dmdep.outputFile=${list}`],
    ],
    { encoding: 'utf8', timeout: MAVEN_TIMEOUT, env: { ...process.env, JAVA_HOME: home } },
  );
  if (maven.status === 0) return readFileSync(list, 'utf8').trim();
  const error = `${maven.stdout}${maven.stderr}`.split('\n').find((line) => line.includes('ERROR'));
  return { missing: `Maven could not fetch Trino's libraries: ${error ?? maven.error?.message ?? 'no reason given'}` };
}
