/**
 * A text as a ChoiceColumn holds it: ENUM members are C strings in UTF-8, so what those cannot hold is
 * replaced. Tables that keep the same names as plain text spell them like this too, or joins would miss them.
 */
export function choiceText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}
