/** Synthesized templates for the tests: the real stacks, with one small stand-in for the code of all functions. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { readSettings } from '../../infra/settings.ts';
import { addStacks, codeFrom, newApp, type Stacks } from '../../infra/stacks/stacks.ts';

export interface Resource {
  Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is as deep and as loose as JSON
  Properties: any;
  DependsOn?: string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

export interface Template {
  Resources: Record<string, Resource>;
  Outputs: Record<string, { Value: unknown }>;
}

export interface Synthesized extends Stacks {
  app: App;
  pipelineTemplate: Template;
  /** Empty on LocalStack. */
  catalogTemplate: Template;
}

/** Both stacks with these settings. */
export function synthesized(context: Record<string, string> = {}): Synthesized {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-infra-'));
  try {
    const code = join(folder, 'code');
    mkdirSync(code);
    writeFileSync(join(code, 'index.mjs'), 'export const handler = async () => {};\n');
    const app = newApp({ outdir: join(folder, 'out') });
    const stacks = addStacks(
      app,
      readSettings(context),
      codeFrom(() => code),
    );
    const assembly = app.synth();
    const template = (name: string): Template =>
      (assembly.stacks.find(({ id }) => id === name)?.template ?? { Resources: {}, Outputs: {} }) as Template;
    return { ...stacks, app, pipelineTemplate: template('Pipeline'), catalogTemplate: template('Catalog') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resources of one type, by their logical id. */
export function ofType({ Resources }: Template, type: string): [string, Resource][] {
  return Object.entries(Resources).filter(([, { Type }]) => Type === type);
}

/** The one resource of a type whose logical id begins so. */
export function theOne(template: Template, type: string, begin: string): [string, Resource] {
  const found = ofType(template, type).filter(([id]) => new RegExp(`^${begin}[0-9A-F]{8}$`).test(id));
  if (found.length !== 1) throw new Error(`${found.length} resources ${type} are called ${begin}`);
  return found[0];
}
