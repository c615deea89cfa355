/** The hosts that a data set has forgotten: every later job of it leaves their packets out. */
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import type { JobConfig } from '../jobconfig.ts';
import { forgottenHostsKey } from '../protocol/keys.ts';

/** datasets/<dataset>/forgotten.json */
interface ForgottenHosts {
  /** Canonical addresses, in order. */
  hosts: string[];
}

/**
 * Canonical addresses, in order.
 * @throws StoreError when the list is damaged: no job may take it for empty
 */
export async function forgottenHosts(store: ObjectStore, dataset: string): Promise<string[]> {
  return (await getJson<ForgottenHosts>(store, forgottenHostsKey(dataset)))?.hosts ?? [];
}

/** Adds hosts, canonical addresses. No other run of the data set may be at work. */
export async function addForgottenHosts(store: ObjectStore, dataset: string, more: readonly string[]): Promise<void> {
  const known = await forgottenHosts(store, dataset);
  const hosts = union(known, more);
  if (hosts.length > known.length)
    await store.put(forgottenHostsKey(dataset), jsonBytes({ hosts } satisfies ForgottenHosts));
}

/** The configuration with the hosts that its data set has forgotten by now. */
export async function withForgottenHosts(store: ObjectStore, config: JobConfig): Promise<JobConfig> {
  const { forgotten: given = [], ...decode } = config.decode;
  const forgotten = union(given, await forgottenHosts(store, config.dataset));
  return forgotten.length === 0 ? config : { ...config, decode: { ...decode, forgotten } };
}

function union(some: readonly string[], others: readonly string[]): string[] {
  return [...new Set([...some, ...others])].sort();
}
