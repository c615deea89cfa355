/** A setting that cannot be used; the message is for the user. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}
