/** Where the process of a rank runs. */
export interface Member {
  readonly host: string;
  readonly pid: number;
}
