/** Default name of the pipeline's stack. */
export const DEFAULT_STACK = 'flowstitch-pipeline';
