/** The stacks in one CDK app, from settings and the functions' code. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { App, type AppProps, AssetStaging, Validations } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { AwsSolutionsChecks } from 'cdk-nag';
import { bundleFunctions } from '../bundle/bundle.ts';
import { FUNCTION_NAMES, type FunctionName } from '../functions.ts';
import { readSettings, type Settings } from '../settings.ts';
import { CatalogStack } from './catalog.ts';
import { acknowledgeAnalysts, acknowledgeFindings } from './nag.ts';
import { PipelineStack } from './pipeline.ts';

export type FunctionCode = Readonly<Record<FunctionName, Code>>;

/** An app without analytics: the same template on every machine. */
export function newApp(props: AppProps = {}): App {
  return new App({ analyticsReporting: false, ...props });
}

/** Code of which only the folder differs between functions. */
export function codeFrom(folderOf: (name: FunctionName) => string): FunctionCode {
  const code = FUNCTION_NAMES.map((name) => [name, Code.fromAsset(folderOf(name))]);
  return Object.fromEntries(code) as FunctionCode;
}

/** Bundles the functions of functions/. */
export async function bundledCode(): Promise<FunctionCode> {
  const bundles = await bundleFunctions();
  return codeFrom((name) => bundles.find((bundle) => bundle.name === name)!.folder);
}

export interface Stacks {
  pipeline: PipelineStack;
  /** Undefined on LocalStack, which has neither Glue nor Athena. */
  catalog: CatalogStack | undefined;
}

export function addStacks(app: App, settings: Settings, code: FunctionCode): Stacks {
  const pipeline = new PipelineStack(app, 'Pipeline', { settings, code });
  acknowledgeFindings(pipeline);
  if (settings.localstack) return { pipeline, catalog: undefined };
  const catalog = new CatalogStack(app, 'Catalog', { settings, results: pipeline.buckets.results });
  acknowledgeAnalysts(pipeline, catalog.analysts);
  return { pipeline, catalog };
}

/**
 * Bundles the functions and synthesizes the stacks: into `folder` with these settings, or where the CDK's command
 * line wants them, with its context.
 * @throws SettingsError for settings that cannot be used
 */
export async function synthesize(folder?: string, context?: Record<string, string>): Promise<void> {
  // The CDK caches digests of folders that may have been bundled again since, and keeps everything it ever staged.
  AssetStaging.clearAssetHashCache();
  removeStaged(folder ?? process.env.CDK_OUTDIR);
  const app = newApp({ outdir: folder, context });
  const settings = readSettings(app.node.getAllContext());
  addStacks(app, settings, await bundledCode());
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  app.synth();
}

function removeStaged(folder: string | undefined): void {
  if (folder === undefined || !existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (name.startsWith('asset.')) rmSync(join(folder, name), { recursive: true, force: true });
}
