export async function inspect(_args: string[]): Promise<number> { return 1; }
