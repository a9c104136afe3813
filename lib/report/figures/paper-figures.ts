/** The figure that shows the activated ranks of each dataset of X-TAIL. */
export const paperFigures: Readonly<Record<string, number>> = {
  aircraft: 5,
  oxford_pets: 6,
  caltech101: 10,
  dtd: 11,
  eurosat: 12,
  flowers102: 13,
  food101: 14,
  mnist: 15,
  stanford_cars: 16,
  sun397: 17,
};
