/** The image or text of a vector. */
export interface EmbeddedItem {
  /** Path of an image as it was given, or the text itself. */
  readonly name: string;
  /** The folder of an image below the one that was given; otherwise empty. */
  readonly label: string;
}

/** The origin of vectors, which are unit vectors of float32. */
export interface EmbeddingsInfo {
  readonly kind: "images" | "texts";
  /** Numbers of a vector. */
  readonly width: number;
  /** As the user names the model. */
  readonly model: string;
  /** `modelFingerprint` of the model. */
  readonly fingerprint: string;
}
