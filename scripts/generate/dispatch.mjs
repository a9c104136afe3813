// Decides how a function with several overloads finds the one that is meant, from the kinds of values each
// parameter takes.

const tests = {
  tensor: (value) => `${value} instanceof Tensor`,
  array: (value) => `Array.isArray(${value})`,
  undefined: (value) => `${value} === undefined`,
  null: (value) => `${value} === null`,
  options: (value) => `typeof ${value} === "object"`,
};
const typeofTest = (kind) => (value) => `typeof ${value} === "${kind}"`;
const otherObjects = ["tensor", "array", "null", "object"];

/**
 * A decision tree over parameter positions: `{ overload }`, or `{ index, cases: [{ kinds, tree }] }` whose
 * last case needs no test.
 * @throws if two overloads cannot be told apart at any position
 */
export function decide(overloads, index = 0) {
  if (overloads.length === 1) return { overload: overloads[0] };
  const width = Math.max(...overloads.map(({ parameters }) => parameters.length));
  if (index >= width) {
    const texts = overloads.map(({ schema }) => schema.text).join("\n  ");
    throw new Error(
      `these overloads cannot be told apart by their arguments, leave out all but one:\n  ${texts}`,
    );
  }
  const groups = groupByKinds(overloads, index);
  if (groups.length === 1) return decide(overloads, index + 1);
  return {
    index,
    cases: orderCases(groups).map(({ kinds, members }) => ({ kinds, tree: decide(members, index + 1) })),
  };
}

/** Overloads that take a common kind of value at this position stay together. */
function groupByKinds(overloads, index) {
  let groups = [];
  for (const overload of overloads) {
    const kinds = new Set(overload.parameters[index]?.kinds ?? ["undefined"]);
    const touching = groups.filter((group) => [...group.kinds].some((kind) => kinds.has(kind)));
    const joined = {
      kinds: new Set([...touching.flatMap((group) => [...group.kinds]), ...kinds]),
      members: [...touching.flatMap((group) => group.members), overload],
    };
    groups = [...groups.filter((group) => !touching.includes(group)), joined];
  }
  return groups;
}

/** In the order of the list, but the case that is hardest to test comes last, where it needs no test. */
function orderCases(groups) {
  const cost = ({ kinds }) => {
    const isAmbiguous =
      kinds.has("options") && groups.some((other) => otherObjects.some((kind) => other.kinds.has(kind)));
    return kinds.size + (isAmbiguous ? 100 : 0);
  };
  const hardest = groups.reduce((worst, group) => (cost(group) >= cost(worst) ? group : worst));
  return [...groups.filter((group) => group !== hardest), hardest];
}

/** The condition that `value` is of one of these kinds. */
export const conditionOf = (kinds, value) =>
  [...kinds].map((kind) => (tests[kind] ?? typeofTest(kind))(value)).join(" || ");
