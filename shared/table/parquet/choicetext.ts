/**
 * A text as stored in a ChoiceColumn: ENUM members are C strings in UTF-8, so characters that these cannot contain are
 * replaced. Tables with the same names as plain text convert them too, or joins would miss them.
 */
export function choiceText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}
