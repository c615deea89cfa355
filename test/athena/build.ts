/**
 * The Java program of these tests, built into .cache/athena: its libraries by Maven
 * (once, about 400 MB), its one class by javac. A second run finds both there.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('./trino/', import.meta.url));
/** Where everything built and fetched is kept. */
export const CACHE = fileURLToPath(new URL('../../.cache/athena/', import.meta.url));
const POM = join(SOURCES, 'pom.xml');
const PROGRAM = join(SOURCES, 'TrinoProcess.java');
const MAVEN_TIMEOUT = 900_000;

/** What is needed to start the program, or why it cannot be had here. */
export type Build = { classpath: string } | { missing: string };

/** Builds the program where it is not built already. @throws Error when its source does not compile */
export function buildTrinoProcess(): Build {
  const java = javaVersion();
  if (java === null) return { missing: 'there is no Java: Trino needs a JDK of version 17' };
  // From 24 on, Java lacks what Trino's Hadoop libraries call.
  if (java < 17 || java > 23) return { missing: `Trino needs a JDK of version 17, not ${java}` };
  if (spawnSync('javac', ['-version']).status !== 0)
    return { missing: 'there is a Java without javac: Trino needs a JDK' };
  const digest = createHash('sha256').update(readFileSync(POM)).update(readFileSync(PROGRAM)).digest('hex');
  const built = join(CACHE, 'built.json');
  if (existsSync(built)) {
    const { digest: of, classpath } = JSON.parse(readFileSync(built, 'utf8')) as { digest: string; classpath: string };
    if (of === digest && classpath.split(':').every((path) => existsSync(path))) return { classpath };
  }
  const libraries = fetchLibraries();
  if (typeof libraries !== 'string') return libraries;
  const classes = join(CACHE, 'classes');
  rmSync(classes, { recursive: true, force: true });
  const compiled = spawnSync('javac', ['--release', '17', '-cp', libraries, '-d', classes, PROGRAM], {
    encoding: 'utf8',
  });
  if (compiled.status !== 0) throw new Error(`TrinoProcess.java does not compile:\n${compiled.stderr}`);
  const classpath = `${classes}:${libraries}`;
  writeFileSync(built, JSON.stringify({ digest, classpath }));
  return { classpath };
}

/** Major version of the Java in PATH, null without one. */
function javaVersion(): number | null {
  const { stderr } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  const version = /version "(\d+)/.exec(stderr ?? '');
  return version === null ? null : Number(version[1]);
}

/** The class path of Trino's libraries, fetched where they are not there. */
function fetchLibraries(): string | { missing: string } {
  if (spawnSync('mvn', ['-version']).status !== 0) return { missing: "there is no Maven to fetch Trino's libraries" };
  mkdirSync(CACHE, { recursive: true });
  const list = join(CACHE, 'classpath.txt');
  const maven = spawnSync(
    'mvn',
    [
      ...['--batch-mode', '--no-transfer-progress', '--quiet', '--file', POM],
      ...[`-Dmaven.repo.local=${join(CACHE, 'repository')}`, 'dependency:build-classpath', `-Dmdep.outputFile=${list}`],
    ],
    { encoding: 'utf8', timeout: MAVEN_TIMEOUT },
  );
  if (maven.status === 0) return readFileSync(list, 'utf8').trim();
  const error = `${maven.stdout}${maven.stderr}`.split('\n').find((line) => line.includes('ERROR'));
  return { missing: `Maven could not fetch Trino's libraries: ${error ?? maven.error?.message ?? 'no reason given'}` };
}
