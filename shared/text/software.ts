/** Version of the package, for people. */
export const SOFTWARE = '0.1.0';
