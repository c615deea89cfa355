/** What a CDK cloud assembly (cdk.out) says of one of its stacks: its template and the files that the template expects in a bucket. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A file, or a folder to be packed, and where it goes. */
export interface Asset {
  path: string;
  packaging: 'file' | 'zip';
  /** May hold the pseudo parameters AWS::AccountId and AWS::Region, as Fn::Sub writes them. */
  bucket: string;
  key: string;
}

export interface AssembledStack {
  name: string;
  templatePath: string;
  assets: Asset[];
}

interface Manifest {
  artifacts?: Record<string, { type: string; properties?: Record<string, string>; dependencies?: string[] }>;
}

interface AssetManifest {
  files?: Record<
    string,
    {
      source: { path: string; packaging: 'file' | 'zip' };
      destinations: Record<string, { bucketName: string; objectKey: string }>;
    }
  >;
}

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, 'utf8')) as T;

async function readAssets(folder: string, file: string): Promise<Asset[]> {
  const { files = {} } = await readJson<AssetManifest>(join(folder, file));
  return Object.values(files).flatMap(({ source, destinations }) =>
    Object.values(destinations).map(({ bucketName, objectKey }) => ({
      path: join(folder, source.path),
      packaging: source.packaging,
      bucket: bucketName,
      key: objectKey,
    })),
  );
}

/**
 * @param name of the stack, or the id of its construct
 * @throws Error when the assembly has no such stack, with the names that it has
 */
export async function readAssembly(folder: string, name: string): Promise<AssembledStack> {
  const { artifacts = {} } = await readJson<Manifest>(join(folder, 'manifest.json'));
  const stacks = Object.entries(artifacts).filter(([, { type }]) => type === 'aws:cloudformation:stack');
  const names = stacks.map(([id, { properties }]) => properties?.stackName ?? id);
  const at = names.includes(name) ? names.indexOf(name) : stacks.findIndex(([id]) => id === name);
  if (at < 0) throw new Error(`${folder} has no stack ${name}: it has ${names.join(', ') || 'none'}`);
  const [, stack] = stacks[at];
  const manifests = (stack.dependencies ?? [])
    .map((id) => artifacts[id])
    .filter((artifact) => artifact?.type === 'cdk:asset-manifest');
  const assets = await Promise.all(manifests.map(({ properties }) => readAssets(folder, properties!.file)));
  return { name: names[at], templatePath: join(folder, stack.properties!.templateFile), assets: assets.flat() };
}
