/** Which permission an error is about. */

/**
 * The action that was refused, with its resource where AWS or the store says it.
 * @param message of AWS ("... is not authorized to perform: ACTION on resource: ARN ..."), or of our own stores ("It needs ACTION ...")
 * @returns null when it is about no permission
 */
export function missingPermission(message: string): string | null {
  const refused = /not authorized to perform:? ([a-z0-9-]+:\w+)(?: on (?:the )?resource:? (\S+))?/i.exec(message);
  if (refused !== null) {
    const [, action, resource] = refused;
    return resource === undefined ? action : `${action} on ${resource.replace(/[.,;]$/, '')}`;
  }
  const needed = /\b[Ii]t needs ([a-z0-9-]+:\w+)/.exec(message);
  if (needed !== null) return needed[1];
  const granted = /Insufficient Lake Formation permission\(s\): Required ([^(]+?) on (\S+)/.exec(message);
  return granted === null ? null : `Lake Formation's ${granted[1]} on ${granted[2]}`;
}
