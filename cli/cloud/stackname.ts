/** Name of the pipeline's stack where none is given. */
export const DEFAULT_STACK = 'flowstitch-pipeline';
