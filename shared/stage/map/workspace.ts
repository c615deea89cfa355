/** The buffers of a map task: a hundred megabytes that the next task of this process can reuse. */
import { PacketColumns } from '../../packet/columns.ts';
import { FlowTable } from '../../packet/flow/flowtable.ts';
import { FragmentColumns } from '../../packet/fragmentcolumns.ts';
import { ShardWriter } from '../../shard/shardwriter.ts';

export class Workspace {
  readonly columns = new PacketColumns(1 << 16);
  readonly flows = new FlowTable();
  readonly fragments = new FragmentColumns(1024);
  readonly writer = new ShardWriter();
}

const spare: Workspace[] = [];

/** An empty workspace: one of an ended task, or a new one. */
export function takeWorkspace(): Workspace {
  const workspace = spare.pop() ?? new Workspace();
  // A task that failed half-way may have left rows.
  workspace.columns.length = 0;
  workspace.flows.clear();
  workspace.fragments.clear();
  return workspace;
}

/** Leaves a workspace to the next task. */
export function leaveWorkspace(workspace: Workspace): void {
  spare.push(workspace);
}

/** Frees the memory of ended map tasks, for tasks of other stages. */
export function releaseWorkspaces(): void {
  spare.length = 0;
}
