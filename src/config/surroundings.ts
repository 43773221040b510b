/** What the checks of relations know besides the document. */
export interface Surroundings {
  readonly production: boolean;
  readonly hasEncryptionKey: boolean;
  warn(message: string): void;
}
